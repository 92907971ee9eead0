package setup_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
)

// While a deployment is under way setup changes nothing, an adoption neither: what it made would be missing after the switchover. Once it is
// over, or where it is another database's, setup goes on; so it does where the function may not look.
func TestSetupHoldsOffDuringBlueGreen(t *testing.T) {
	t.Parallel()
	const cluster = "arn:aws:rds:us-east-1:123456789012:cluster:"
	for name, c := range map[string]struct {
		status, source string
		blind          bool
		text           string // "" = it goes on
	}{
		"ready":               {"AVAILABLE", "orders", false, `"upgrade" of this database is under way (AVAILABLE)`},
		"switched over":       {"SWITCHOVER_COMPLETED", "orders", false, ""},
		"of another database": {"AVAILABLE", "others", false, ""},
		"not to be seen":      {"AVAILABLE", "orders", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster(), "dbClusterIdentifier": "orders"})
			s.AWS.SetBlueGreenDeployment(types.BlueGreenDeployment{BlueGreenDeploymentIdentifier: aws.String("bgd-1"),
				BlueGreenDeploymentName: aws.String("upgrade"), Status: &c.status, Source: aws.String(cluster + c.source)})
			if c.blind {
				s.AWS.Intercept(func(call localaws.Call) localaws.Outcome {
					if call.Operation == "DescribeBlueGreenDeployments" {
						return localaws.Fail("AccessDenied", 403)
					}
					return localaws.Pass
				})
			}
			before := snapshot(t, s)
			changed, err := s.Setup()
			if c.text == "" {
				if err != nil || len(changed) == 0 {
					t.Errorf("setup changed %q, error %v", changed, err)
				}
				return
			}
			_, adopting := setupOf(t, s, map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true})
			for _, err := range []error{err, adopting} {
				if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "nothing is changed") {
					t.Errorf("error %v, want %q", err, c.text)
				}
			}
			if after := snapshot(t, s); after != before {
				t.Errorf("the catalogs were\n%s\nand are\n%s", before, after)
			}
		})
	}
}
