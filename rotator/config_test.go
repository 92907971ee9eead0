package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Values that do not parse stop the function at start, all of them named at once, and whoever invokes it is told.
func TestEnvironmentThatDoesNotParse(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{
		"PASSWORD_LENGTH": "7", "EXCLUDE_NUMBERS": "yes", "REQUIRE_EACH_INCLUDED_TYPE": "1", "PASSWORD_VALID_DAYS": "0",
		"ASSUME_ROLE_ARN": "role", "LOCK_INTERVAL_DAYS": "90 days", "DELETE_INTERVAL_DAYS": "-1", "IGNORE_USER_LIST": "batch",
		"MAX_CHANGES_PER_RUN": "many", "NOTICE_TOPIC_ARN": "topic", "INGESTION_LAG_SECONDS": "1e3",
		"REPORT_BUCKET": "Bucket", "REPORT_PREFIX": "a/../b", "REPORT_KMS_KEY": "key",
		"STATE_SCHEMA": strings.Repeat("x", 64), "LOG_LEVEL": "loud", "IAM_REVIEW": "on", "SECURITY_HUB_FINDINGS": "on",
		"DB_CA_FILE": "/nowhere/ca.pem", "SECRETS_MANAGER_ENDPOINT": "secretsmanager.example",
	})
	message := refusal(t, function, `{}`)
	for _, want := range []string{
		`PASSWORD_LENGTH is "7"; expected a whole number from 8 to 4096`, `EXCLUDE_NUMBERS is "yes"; expected true or false`,
		`REQUIRE_EACH_INCLUDED_TYPE is "1"`, `PASSWORD_VALID_DAYS is "0"`, `ASSUME_ROLE_ARN is "role"; expected an IAM role's ARN`,
		`LOCK_INTERVAL_DAYS is "90 days"`, `DELETE_INTERVAL_DAYS is "-1"`, `IGNORE_USER_LIST is "batch"; expected a JSON list`,
		`MAX_CHANGES_PER_RUN is "many"`, `NOTICE_TOPIC_ARN is "topic"; expected an SNS topic's ARN`, `INGESTION_LAG_SECONDS is "1e3"`,
		`REPORT_BUCKET is "Bucket"; expected the name of an S3 bucket`, `REPORT_PREFIX is "a/../b"; expected a path`, `REPORT_KMS_KEY is "key"; expected a KMS key`,
		`STATE_SCHEMA is 64 bytes long`, `LOG_LEVEL is "loud"`, `IAM_REVIEW is "on"; expected true or false`, `SECURITY_HUB_FINDINGS is "on"; expected true or false`,
		`DB_CA_FILE: open /nowhere/ca.pem: no such file`, `SECRETS_MANAGER_ENDPOINT is "secretsmanager.example"; expected a URL`,
	} {
		if !strings.Contains(message, want) {
			t.Errorf("the function does not say %q, but\n%s", want, message)
		}
	}
	if !strings.Contains(function.Output(), "PASSWORD_LENGTH") {
		t.Errorf("the log does not say it: %s", function.Output())
	}
}

// A list that is null protects nobody, which its writer cannot have meant.
func TestIgnoreListThatIsNull(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{"IGNORE_USER_LIST": "null"})
	if message := refusal(t, function, `{}`); !strings.Contains(message, `IGNORE_USER_LIST is "null"; expected a JSON list`) {
		t.Errorf("refused with %q", message)
	}
}

// An exception whose reason or end is not understood would protect for longer than its writer meant.
func TestExceptionsThatDoNotParse(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{"IGNORE_USER_LIST": `["ok", "", 7, null, {"user":"a","untill":"2027-01-31"}, {"user":"b","until":"31.1.2027"},
		{"user":"c","until":"2027-02-30"}, {"user":"d","until":null}, {"user":"e","reason":["x"]}, {"reason":"nobody"}, ["f"], {"User":"g"}]`})
	message := refusal(t, function, `{}`)
	for _, want := range []string{
		"entry 2: it holds an empty name", "entry 3: 7 is neither a name nor an object", "entry 4: it holds an empty name",
		`entry 5: unknown key "untill"; expected user, reason, until, by`, `entry 6: "until" of "b" is "31.1.2027"; expected a date`,
		`entry 7: "until" of "c" is "2027-02-30"`, `entry 8: the key "until" is null`, `entry 9: {"user":"e","reason":["x"]} is neither`,
		"entry 10: it holds an empty name", `entry 11: ["f"] is neither`, `entry 12: unknown key "User"`,
	} {
		if !strings.Contains(message, want) {
			t.Errorf("the function does not say %q, but\n%s", want, message)
		}
	}
	if strings.Contains(message, "entry 1:") {
		t.Errorf("a plain name is refused: %s", message)
	}
}

func TestCAFileWithoutCertificate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, function := newFunction(t, map[string]string{"DB_CA_FILE": path})
	if message := refusal(t, function, `{}`); !strings.Contains(message, "which holds no PEM certificate") {
		t.Errorf("refused with %q", message)
	}
}

func TestDeleteComesAfterLock(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{"LOCK_INTERVAL_DAYS": "90", "DELETE_INTERVAL_DAYS": "90"})
	want := "DELETE_INTERVAL_DAYS is 90, and must be greater than LOCK_INTERVAL_DAYS, 90"
	if message := refusal(t, function, `{}`); !strings.Contains(message, want) {
		t.Errorf("%q; want %q", message, want)
	}
}

// An empty value is an unset one: templates cannot leave a variable out.
func TestEmptyValuesAreUnset(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{
		"PASSWORD_LENGTH": "", "EXCLUDE_NUMBERS": "", "PASSWORD_VALID_DAYS": "", "ASSUME_ROLE_ARN": "", "LOCK_INTERVAL_DAYS": "",
		"DELETE_INTERVAL_DAYS": "", "IGNORE_USER_LIST": "", "MAX_CHANGES_PER_RUN": "", "NOTICE_TOPIC_ARN": "",
		"INGESTION_LAG_SECONDS": "", "IAM_REVIEW": "", "SECURITY_HUB_FINDINGS": "", "STATE_SCHEMA": "", "LOG_LEVEL": "", "SECRETS_MANAGER_ENDPOINT": "", "DB_CA_FILE": "",
	})
	if message := refusal(t, function, `{}`); !strings.Contains(message, "neither Step nor action") {
		t.Errorf("the function did not start: %s", message)
	}
}
