// Package localaws stands in for the AWS services that the rotator talks to:
// Secrets Manager, Lambda, RDS, CloudWatch Logs, STS and SNS, over HTTP on
// loopback, in one process and on one port. Functions run as real processes
// under the Lambda Runtime API, so what is tested is the binary that is
// deployed.
//
// Each service has a folder of its own, and the Stack has the methods of all of them.
//
// It serves tests and the demo. Nothing is persisted, signatures are not
// verified and no policy is enforced: the access key id of a request tells who
// sent it, and [Stack.Calls] tells what was asked.
package localaws
