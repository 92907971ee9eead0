// Package localaws stands in for the AWS services that the rotator talks to:
// Secrets Manager, Lambda, RDS, CloudWatch Logs, STS, IAM, SNS, S3, Security Hub
// and EC2, over HTTP on loopback, in one process and on one port. Functions run as real processes
// under the Lambda Runtime API, so what is tested is the binary that is
// deployed.
//
// Each service has a folder of its own, and a [Stack] has the methods of all
// of them. How a test makes what AWS may do:
//
//   - any call fails, is throttled, lost, late or kills its caller: Intercept with an [Outcome];
//   - events that are late, or too many to hold: AppendLog with [Event].Ingested, SetLogSource; SetLogClock spares the waiting;
//   - a server's log on its way, cut, in several streams, stopped or duplicated: PublishLog with [PublishOptions];
//   - a log group that is masked, of another class, old or short of retention: SetLogGroup, SetAccountDataProtection, DenyUnmask;
//   - quotas, small and empty pages: SetLogLimits;
//   - a query of Logs Insights that goes on, fails, or whose answers are wrong: DecideQueries; LogQueries tells why one has failed;
//   - instances that are renamed, swapped or not told of, and RDS's events: RenameDBInstance, SwapDBInstances,
//     WithholdDBClusterMembers, AddDBEvent;
//   - who an account has, with which policies: SetIAMUser, SetIAMGroup, SetIAMRole, SetIAMPolicy;
//   - a bucket of another account or Region, with or without versions and Object Lock: SetBucket;
//   - subnets in zones and VPCs: SetSubnet;
//   - a rotation that is repeated or half done: SetRotationRetries, BeginRotation.
//
// It serves tests and the demo. Nothing is persisted, signatures are not
// verified and no policy is enforced but that of DenyUnmask: the access key id
// of a request tells who sent it, and [Stack.Calls] tells what was asked.
package localaws
