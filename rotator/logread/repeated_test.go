package logread_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/logread"
)

// A nextToken that is told again leads nowhere: what it gave cannot be told to be all.
func TestRepeatedTokenIsAnError(t *testing.T) {
	t.Parallel()
	const row = `[{"field":"@logStream","value":"a.0"},{"field":"who","value":"u@d"},{"field":"what","value":"LOG"},{"field":"entries","value":"1"},` +
		`{"field":"oldest","value":"1"},{"field":"newest","value":"1"},{"field":"slowest","value":"1"}]`
	answers := map[string]string{
		"FilterLogEvents": fmt.Sprintf(`{"nextToken":"t","events":[{"logStreamName":"a.0","timestamp":%d,"ingestionTime":1,"message":"x","eventId":"1"}]}`, begin.UnixMilli()),
		"StartQuery":      `{"queryId":"q"}`,
		"GetQueryResults": `{"status":"Complete","nextToken":"t","results":[` + row + `],"statistics":{"recordsMatched":3,"recordsScanned":3,"bytesScanned":1}}`,
	}
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if requests++; requests > 20 { // a reader that goes on is ended
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, answers[operation])
	}))
	defer server.Close()
	client := cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &server.URL, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	for _, way := range []logread.Way{logread.FilterLogEvents, logread.LogsInsights} {
		requests = 0
		sink := newNotes()
		err := logread.New(way, client, logread.Options{}).Read(t.Context(), logread.Group{Name: groupName, Class: types.LogGroupClassStandard}, begin, begin.Add(time.Minute), sink)
		if err == nil || !strings.Contains(err.Error(), "same nextToken twice") || !strings.Contains(err.Error(), groupName) || len(sink.parts) > 0 {
			t.Errorf("%s: %v, parts %v", way, err, sink.parts)
		}
	}
}
