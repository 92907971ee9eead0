package master

import (
	"cmp"
	"context"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"

	"pgrotator/rotator/postgres"
)

// NewSigner signs with a configuration's credentials, without any call. A token is good for 15 minutes and for the address and the
// user that it names (RDS User Guide, "IAM database authentication").
func NewSigner(config aws.Config) Signer {
	return func(ctx context.Context, address, user string) (string, error) {
		return auth.BuildAuthToken(ctx, address, regionOf(address, config.Region), user, config.Credentials)
	}
}

// regionOf is the Region of an endpoint of RDS, else the function's own.
func regionOf(address, own string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return own
	}
	return cmp.Or(postgres.RDSRegion(host), own)
}
