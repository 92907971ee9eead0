package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"pgrotator/rotator/awserror"
)

// slowServer answers in whole, begins an answer that never ends, or never answers. It counts the connections that it is called over.
func slowServer(t *testing.T) (url string, connections *atomic.Int32) {
	t.Helper()
	over := make(chan struct{})
	connections = &atomic.Int32{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-over
			return
		}
		fmt.Fprint(w, "the answer")
		if r.URL.Path == "/endless" {
			w.(http.Flusher).Flush()
			<-over
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	return server.URL, connections
}

// call calls, and reads the whole answer. What has not ended by itself long after its limit is given up.
func call(t *testing.T, client aws.HTTPClient, url string) (string, error) {
	t.Helper()
	ctx, giveUp := context.WithCancel(t.Context())
	defer time.AfterFunc(10*time.Second, giveUp).Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func TestCallsEnd(t *testing.T) {
	t.Parallel()
	url, connections := slowServer(t)
	patient := lasting(awshttp.NewBuildableClient(), time.Minute)
	for range 3 {
		if text, err := call(t, patient, url); err != nil || text != "the answer" {
			t.Errorf("answered %q, %v", text, err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("three calls, one after the other, came over %d connections", n)
	}
	for _, path := range []string{"/silent", "/endless"} {
		if _, err := call(t, lasting(patient, 50*time.Millisecond), url+path); !awserror.NoAnswer(err) {
			t.Errorf("%s: %v, which is not told as one that nobody answered in time", path, err)
		}
	}
}
