package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"time"
)

// reportInitError tells Lambda why the function cannot start, so that whoever invokes it reads the cause and not only that the
// process exited (Lambda Developer Guide, "Using the Lambda runtime API", initialization error). aws-lambda-go has no call for it.
func reportInitError(cause error) {
	api := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		return
	}
	body, err := json.Marshal(map[string]any{"errorMessage": cause.Error(), "errorType": "Function.InvalidEnvironment", "stackTrace": []string{}})
	if err != nil {
		return
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Post("http://"+api+"/2018-06-01/runtime/init/error", "application/vnd.aws.lambda.error+json", bytes.NewReader(body))
	if err == nil {
		_ = response.Body.Close() // the process exits next, and its log has the cause as well
	}
}
