package localaws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"pgrotator/rotator/internal/localaws/ec2"
	"pgrotator/rotator/internal/localaws/iam"
	"pgrotator/rotator/internal/localaws/lambda"
	"pgrotator/rotator/internal/localaws/logs"
	"pgrotator/rotator/internal/localaws/protocol"
	"pgrotator/rotator/internal/localaws/rds"
	"pgrotator/rotator/internal/localaws/s3"
	"pgrotator/rotator/internal/localaws/secretsmanager"
	"pgrotator/rotator/internal/localaws/securityhub"
	"pgrotator/rotator/internal/localaws/sns"
)

const (
	// AccountID is the account that every ARN of a Stack names.
	AccountID = protocol.AccountID
	// Region is the Region that every ARN of a Stack names.
	Region = protocol.Region
)

// The state of each service, whose methods are the Stack's too.
type (
	functions   = lambda.Functions
	secretStore = secretsmanager.Store
	databases   = rds.Databases
	logStore    = logs.Store
	notices     = sns.Log
	identities  = iam.Identities
	buckets     = s3.Buckets
	findings    = securityhub.Findings
	subnets     = ec2.Subnets
)

// Stack is one AWS account in one Region, reachable at [Stack.URL].
type Stack struct {
	*functions
	*secretStore
	*databases
	*logStore
	*notices
	*identities
	*buckets
	*findings
	*subnets
	ctx       context.Context
	cancel    context.CancelFunc
	directory string
	url       string
	server    *http.Server
	services  map[string]*protocol.Service
	callers   *protocol.Callers
	recorder  *recorder
	closing   sync.Once
	closed    error
}

// Start serves a new, empty account on a free port of 127.0.0.1. The Stack is
// closed when ctx ends, or by [Stack.Close].
func Start(ctx context.Context) (*Stack, error) {
	return StartAt(ctx, "127.0.0.1:0")
}

// StartAt is [Start] on a given host:port, for a stack whose commands are typed
// by hand.
func StartAt(ctx context.Context, address string) (*Stack, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for AWS calls: %w", err)
	}
	directory, err := os.MkdirTemp("", "localaws-")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the output directory: %w", err), listener.Close())
	}
	s := newStack(ctx, directory, "http://"+listener.Addr().String())
	go s.server.Serve(listener)
	context.AfterFunc(s.ctx, func() { s.Close() })
	return s, nil
}

func newStack(ctx context.Context, directory, url string) *Stack {
	s := &Stack{directory: directory, url: url, callers: protocol.NewCallers(), recorder: newRecorder(), databases: rds.New(), notices: &sns.Log{}, buckets: s3.New(), findings: &securityhub.Findings{}, subnets: &ec2.Subnets{}, identities: iam.New()}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.logStore = logs.New(s.ctx)
	s.functions = lambda.New(s.ctx, lambda.Host{Directory: directory, URL: url, Callers: s.callers})
	s.secretStore = secretsmanager.New(s.ctx, s.functions)
	s.services = s.newServices()
	s.server = &http.Server{Handler: http.HandlerFunc(s.serveHTTP), ReadHeaderTimeout: 10 * time.Second}
	return s
}

// Close ends rotations, kills every function's process and stops listening.
// What [Function.Output] tells stays readable.
func (s *Stack) Close() error {
	s.closing.Do(func() {
		s.cancel()
		s.functions.Close()
		s.secretStore.Close()
		s.closed = errors.Join(s.server.Close(), os.RemoveAll(s.directory))
	})
	return s.closed
}

// URL is the endpoint of every service, as AWS_ENDPOINT_URL wants it:
// "http://127.0.0.1:41234", without a final slash.
func (s *Stack) URL() string { return s.url }

// Environ lists, as KEY=value, what any AWS client needs in its environment to
// talk to the Stack as the test itself.
func (s *Stack) Environ() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.url,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + protocol.TestAccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + protocol.SecretAccessKey,
	}
}

// Config is the SDK configuration of the test's own clients.
func (s *Stack) Config() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(s.url),
		Credentials:  credentials.NewStaticCredentialsProvider(protocol.TestAccessKeyID, protocol.SecretAccessKey, ""),
	}
}
