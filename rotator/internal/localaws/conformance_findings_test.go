package localaws_test

import (
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/report"
)

// findingChecks are those of Security Hub.
func findingChecks() map[string]check {
	return map[string]check{
		"findings are imported":                          checkFindingsAreImported,
		"a faulty finding fails, and its batch does not": checkFaultyFindingFailsAlone,
	}
}

// finding is one in AWS Security Finding Format, of a role of a database.
func finding(role string) []byte {
	o := report.Origin{Partition: "aws", Region: localaws.Region, Account: localaws.AccountID, Database: "arn:aws:rds:us-east-1:123456789012:cluster:orders", At: time.Now()}
	return report.Finding{Kind: "inactive-account", About: []string{role}, Text: "It is idle.", Since: time.Now()}.ASFF(o)
}

func checkFindingsAreImported(t *testing.T, to target) {
	name := unique("role")
	for range 2 { // the second takes the first one's place
		refused, done, err := publish.NewSecurityHub(to.config).Import(t.Context(), [][]byte{finding(name), finding(name + "-b")})
		if err != nil || done != 2 || len(refused) != 0 {
			t.Fatalf("%d done, refused %q, %v", done, refused, err)
		}
	}
}

func checkFaultyFindingFailsAlone(t *testing.T, to target) {
	faulty := []byte(`{"Id": "faulty", "SchemaVersion": "2018-10-08", "Title": "t", "Description": "d", "GeneratorId": "g", "AwsAccountId": "123456789012",
		"ProductArn": "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default", "CreatedAt": "2026-11-20T03:00:00Z", "UpdatedAt": "2026-11-20T03:00:00Z",
		"FindingProviderFields": {"Severity": {"Label": "LOW"}}, "RecordState": "ACTIVE", "Resources": []}`)
	refused, done, err := publish.NewSecurityHub(to.config).Import(t.Context(), [][]byte{finding(unique("role")), faulty})
	if err != nil || done != 2 || len(refused) != 1 || refused["faulty"] == "" {
		t.Errorf("%d done, refused %q, %v", done, refused, err)
	}
}
