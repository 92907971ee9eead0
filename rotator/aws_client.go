package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

// Timeouts of one AWS call: without an endpoint in its VPC a function would otherwise be silent until Lambda ends it.
const (
	awsConnectTimeout = 3 * time.Second
	awsCallTimeout    = 8 * time.Second
	reportCallTimeout = time.Minute // long enough for a list of 100,000 accounts
)

// loadAWS reads the AWS configuration of whoever runs this. All clients made of it share their connections.
func loadAWS(ctx context.Context, more ...func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Timeout = awsConnectTimeout }).WithTimeout(awsCallTimeout)
	own, err := awsconfig.LoadDefaultConfig(ctx, append(more, awsconfig.WithHTTPClient(client))...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	own.HTTPClient = lasting(own.HTTPClient, awsCallTimeout)
	return own, nil
}

// lasting is a client whose calls end after a time of their own.
func lasting(client aws.HTTPClient, limit time.Duration) aws.HTTPClient {
	switch c := client.(type) {
	case timed:
		return timed{client: c.client, limit: limit}
	case *awshttp.BuildableClient:
		return timed{client: c.WithTimeout(0), limit: limit}
	}
	return timed{client: client, limit: limit}
}

// timed ends a call by its context. http.Client's own Timeout has a goroutine wait beside each call where the transport is not the
// standard library's own, as the SDK's is not: one part in twenty of a rotation's processor time.
type timed struct {
	client aws.HTTPClient
	limit  time.Duration // for the call and the reading of its answer
}

// Do sends a request.
func (t timed) Do(request *http.Request) (*http.Response, error) {
	ctx, end := context.WithTimeout(request.Context(), t.limit)
	response, err := t.client.Do(request.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	response.Body = timedBody{ReadCloser: response.Body, end: end}
	return response, nil
}

// timedBody is an answer's body, with whose closing the call is over.
type timedBody struct {
	io.ReadCloser
	end context.CancelFunc
}

// Close closes the body.
func (b timedBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
