// Package states interprets a state machine of Step Functions in the Amazon States Language, as far as this project's own uses it:
// Task (Lambda's Invoke), Choice, a distributed Map with an ItemReader and a ResultWriter, and Succeed, with JSONPath. What it does not
// know it refuses, so that a text that it runs holds nothing that was not tried. It waits for nothing: retries follow at once.
package states
