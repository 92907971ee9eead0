package publish_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/report"
)

// securityFindings are so many findings, of which those with a number in faulty lack a resource.
func securityFindings(n int, faulty ...int) (texts [][]byte) {
	o := report.Origin{Partition: "aws", Region: localaws.Region, Account: localaws.AccountID, Database: "arn:aws:rds:us-east-1:123456789012:cluster:orders", At: time.Now()}
	for i := range n {
		f := report.Finding{Kind: "inactive-account", About: []string{fmt.Sprint("role ", i)}, Text: "It is idle.", Since: time.Now()}
		texts = append(texts, f.ASFF(o))
	}
	for _, i := range faulty {
		var f map[string]any
		if json.Unmarshal(texts[i], &f) == nil {
			f["Id"], f["Resources"] = fmt.Sprint("faulty ", i), []any{}
			texts[i], _ = json.Marshal(f)
		}
	}
	return texts
}

func TestImport(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	hub := publish.NewSecurityHub(stack.Config())
	calls, busy := 0, true
	stack.Intercept(func(c localaws.Call) localaws.Outcome {
		calls++
		if busy {
			busy = false
			return localaws.Fail("TooManyRequestsException", 429)
		}
		return localaws.Pass
	})
	refused, done, err := hub.Import(asFunction(t), securityFindings(250, 0, 249))
	if err != nil || done != 250 || calls != 4 {
		t.Errorf("%d done by %d calls, %v", done, calls, err)
	}
	if len(refused) != 2 || !strings.Contains(refused["faulty 249"], "Resources") || len(stack.Findings()) != 248 {
		t.Errorf("%d findings; refused %q", len(stack.Findings()), refused)
	}
	if f := stack.Findings()[0]; f.Title != "Inactive account role 1 of database " || f.RecordState != "ACTIVE" {
		t.Errorf("imported %+v", f)
	}
	if partition, account := hub.Account(asFunction(t), "arn:aws-cn:rds:cn-north-1:999988887777:db:x"); partition != "aws" || account != localaws.AccountID {
		t.Errorf("the function's account is %s of %s", account, partition)
	}
	if partition, account := hub.Account(t.Context(), "arn:aws-cn:rds:cn-north-1:999988887777:db:x"); partition != "aws-cn" || account != "999988887777" {
		t.Errorf("outside of Lambda the account is %s of %s", account, partition)
	}
}

func TestImportSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	hub := publish.NewSecurityHub(stack.Config())
	wrong := func(want string) {
		t.Helper()
		_, done, err := hub.Import(asFunction(t), securityFindings(150))
		if err == nil || !strings.Contains(err.Error(), want) || done != 0 {
			t.Errorf("%d done, %v; want %q", done, err, want)
		}
	}
	stack.SetSecurityHub(false)
	wrong("InvalidAccessException: Account 123456789012 is not subscribed to AWS Security Hub (enable Security Hub CSPM in the function's account and Region")
	stack.SetSecurityHub(true)
	stack.Intercept(func(localaws.Call) localaws.Outcome { return localaws.Fail("AccessDeniedException", 403) })
	wrong("the function's role and, with an endpoint in the VPC")
	calls := 0
	stack.Intercept(func(localaws.Call) localaws.Outcome {
		if calls++; calls > 1 {
			return localaws.Fail("InternalException", 500)
		}
		return localaws.Pass
	})
	if _, done, err := hub.Import(asFunction(t), securityFindings(150)); err == nil || done != 100 || calls != 4 || !strings.Contains(err.Error(), "InternalException") {
		t.Errorf("the second of two calls fails: %d done by %d calls, %v", done, calls, err)
	}
}
