package check

import (
	"fmt"
	"slices"
	"strings"

	"pgrotator/rotator/postgres"
)

// roots tells, before anything connects, whether the certificate authority of the Region that the database is in is known.
func (c *Check) roots(l *list, s subject) {
	region := postgres.RDSRegion(s.value.Host)
	if region == "" || s.value.Plaintext {
		return
	}
	known, err := c.opener.Roots.Regions()
	switch {
	case err != nil:
		l.fail("roots", err.Error(), "Let DB_CA_FILE name a PEM file that the function may read.")
	case slices.Contains(known, region):
		l.pass("roots", "the certificate authority of RDS in "+region+" is known")
	default:
		l.advise("roots", fmt.Sprintf("the certificate authority of RDS in %q is not known, only those of %s", region, strings.Join(known, ", ")),
			"Put "+bundleOf(region)+" into a layer, and name it in DatabaseCaLayerArn and DatabaseCaFile (DB_CA_FILE).")
	}
}

// bundleOf is where AWS keeps the certificate authorities of all Regions of that one's partition (RDS User Guide, "Using SSL/TLS to
// encrypt a connection", in each partition's edition).
func bundleOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem"
	case strings.HasPrefix(region, "us-gov-"):
		return "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem"
	}
	return "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
}
