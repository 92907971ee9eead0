package deploy_test

import (
	"slices"
	"testing"
)

// The sweep writes reports below the prefix of the bucket that is named for them, and does nothing else in S3 by that right.
func TestSweepWritesReportsOnly(t *testing.T) {
	t.Parallel()
	const inside, beside, elsewhere = "arn:aws:s3:::audit-reports/databases/orders/page.html", "arn:aws:s3:::audit-reports/other/page.html", "arn:aws:s3:::payroll/databases/x"
	template := readTemplate(t)
	everyStack(template, []string{"ReportBucket", "ReportPrefix", "ReportKmsKeyArn"}, func(s stack) {
		bucket, prefix := s.values["ReportBucket"] != "", s.values["ReportPrefix"] != ""
		statements := s.statements("SweepRole")
		for object, want := range map[string]bool{inside: bucket, beside: bucket && !prefix, elsewhere: false} {
			found := allowing(statements, "s3:PutObject", object)
			if (len(found) > 0) != want {
				t.Errorf("writing %s: %v with %v", object, found, s.values)
			}
			for _, statement := range found {
				if !slices.Equal(statement.under("aws:ResourceAccount"), []string{account}) {
					t.Errorf("%s writes under %v", statement.sid, statement.condition)
				}
			}
		}
		for _, action := range []string{"s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:PutBucketPolicy"} {
			if found := allowing(statements, action, inside); found != nil {
				t.Errorf("%s allows %s with %v", found[0].sid, action, s.values)
			}
		}
		key := allowing(statements, "kms:GenerateDataKey", alternatives["ReportKmsKeyArn"][0])
		if (len(key) > 0) != (bucket && s.values["ReportKmsKeyArn"] != "") {
			t.Errorf("the reports' key is used by %v with %v", key, s.values)
		}
	})
}

// The sweep imports findings of the account's own product where it is asked to, and reads and changes nobody's.
func TestSweepImportsItsOwnFindingsOnly(t *testing.T) {
	t.Parallel()
	const own, partner = "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default", "arn:aws:securityhub:eu-west-1:111122223333:product/vendor/product"
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		asked := s.values["SecurityHubFindings"] == "true"
		for product, want := range map[string]bool{own: asked, partner: false} {
			if got := allowing(statements, "securityhub:BatchImportFindings", product) != nil; got != want {
				t.Errorf("importing findings of %s: %v with %v", product, got, s.values)
			}
		}
		for _, action := range []string{"securityhub:GetFindings", "securityhub:BatchUpdateFindings", "securityhub:DisableSecurityHub"} {
			if allowing(statements, action, own) != nil {
				t.Errorf("%s is allowed with %v", action, s.values)
			}
		}
	})
}
