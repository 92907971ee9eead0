// Package stack is one application on this machine, for the demo and the benchmarks: a PostgreSQL server with TLS, a stand-in of
// AWS, a secret and its master secret, and the rotator's real binary as the function that rotates it.
package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
)

// Names of what a Stack holds.
const (
	Function     = "rotation"
	Secret       = "shop/app"
	MasterSecret = "shop/master"
	Database     = "shop"
	Master       = "dba"   // may make roles and databases, and is no superuser: as on RDS
	Shared       = "app"   // the role that both users become; setup makes it
	FirstUser    = "app_a" // the one that the secret names first; setup makes it too
)

// Options say what Start makes.
type Options struct {
	// Settings are lines of postgresql.conf.
	Settings map[string]string
	// Note is told of each part that stands, and how long it took.
	Note func(part string, took time.Duration)
}

// Stack is what Start made. Its exported fields do not change.
type Stack struct {
	PG        *localpg.Server
	AWS       *localaws.Stack
	Function  *localaws.Function
	Secrets   *secretsmanager.Client
	ARN       string // of Secret
	MasterARN string // of MasterSecret
	Binary    string // path of the bootstrap
	passwords []string
	people    map[string]string // password by name
}

// Start makes a stack in which the master exists in the database, and no application role yet. The stack must be closed, also
// after ctx has ended.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{}
	for _, part := range []func(context.Context, Options) (string, error){s.build, s.startPostgreSQL, s.startAWS, s.makeMaster, s.makeSecret} {
		begun := time.Now()
		text, err := part(ctx, o)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		o.Note(text, time.Since(begun))
	}
	return s, nil
}

// Close ends every process of the stack and removes its folders.
func (s *Stack) Close() error {
	var errs []error
	if s.AWS != nil {
		errs = append(errs, s.AWS.Close())
	}
	if s.PG != nil {
		errs = append(errs, s.PG.Close())
	}
	return errors.Join(errs...)
}

// Passwords lists those that Start chose: the master's and the secret's first.
func (s *Stack) Passwords() []string { return s.passwords }

func (s *Stack) newPassword() string {
	password := rand.Text()
	s.passwords = append(s.passwords, password)
	return password
}

func (s *Stack) build(ctx context.Context, _ Options) (string, error) {
	binary, err := localaws.Build(ctx)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return "", fmt.Errorf("looking at the bootstrap: %w", err)
	}
	s.Binary = binary
	return fmt.Sprintf("The Lambda binary, built with the flags of the deployed one: %.1f MB", float64(info.Size())/1e6), nil
}

func (s *Stack) startPostgreSQL(ctx context.Context, o Options) (text string, err error) {
	if s.PG, err = localpg.Start(ctx, localpg.Options{TLS: true, Settings: o.Settings}); err != nil {
		return "", err
	}
	return fmt.Sprintf("PostgreSQL %d on localhost:%d, with TLS, a CA of its own (DB_CA_FILE) and SCRAM for every login",
		s.PG.Major(), s.PG.Port()), nil
}

func (s *Stack) startAWS(ctx context.Context, _ Options) (text string, err error) {
	if s.AWS, err = localaws.Start(ctx); err != nil {
		return "", err
	}
	s.DescribeCluster(Cluster)
	s.Secrets = secretsmanager.NewFromConfig(s.AWS.Config())
	s.Function, err = s.AWS.AddFunction(localaws.FunctionOptions{
		Name: Function, Binary: s.Binary, Env: map[string]string{"DB_CA_FILE": s.PG.CAFile()}})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("A stand-in of AWS on %s, and in it the function %q", s.AWS.URL(), Function), nil
}
