package localaws

import (
	"pgrotator/rotator/internal/localaws/ec2"
	"pgrotator/rotator/internal/localaws/lambda"
	"pgrotator/rotator/internal/localaws/logs"
	"pgrotator/rotator/internal/localaws/s3"
	"pgrotator/rotator/internal/localaws/secretsmanager"
	"pgrotator/rotator/internal/localaws/securityhub"
	"pgrotator/rotator/internal/localaws/sns"
)

// What the methods of a [Stack] take and return, so that a test imports this package only.
type (
	Function        = lambda.Function
	FunctionOptions = lambda.FunctionOptions
	Invocation      = lambda.Invocation
	ProcessStats    = lambda.ProcessStats
	Result          = lambda.Result

	Bucket = s3.Bucket
	Object = s3.Object

	DataProtection = logs.DataProtection
	Event          = logs.Event
	LogGroup       = logs.LogGroup
	LogLimits      = logs.LogLimits
	LogQuery       = logs.LogQuery
	LogSource      = logs.LogSource
	PublishOptions = logs.PublishOptions
	Publisher      = logs.Publisher
	QueryOutcome   = logs.QueryOutcome

	Finding       = securityhub.Finding
	Notice        = sns.Notice
	RotationError = secretsmanager.RotationError
	Subnet        = ec2.Subnet
)
