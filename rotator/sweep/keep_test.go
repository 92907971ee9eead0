package sweep_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pgrotator/rotator/account"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/report"
)

// kept is what a run has written, by the file's name.
func (s *stage) kept(r report.Report) map[string]localaws.Object {
	s.t.Helper()
	files := map[string]localaws.Object{}
	for _, o := range s.stack.Objects(s.reports.Bucket, s.reports.Prefix+"/"+r.Folder()+"/") {
		files[path.Base(o.Key)] = o
	}
	return files
}

func unmarshal[T any](s *stage, text []byte) (v T) {
	s.t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	return v
}

// Each run writes the page and the lists of accounts, whose numbers are the report's, and a manifest that vouches for them.
func TestWhatAnAuditorGets(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.reports = publish.Place{Bucket: strings.ToLower(s.prefix), Prefix: "audit", KMSKey: "alias/reports"}
	s.stack.SetBucket(s.reports.Bucket, localaws.Bucket{Lock: true, Retention: types.DefaultRetention{Mode: "GOVERNANCE", Days: aws.Int32(30)}})
	s.options.DeleteDays, s.options.Version = 180, "1.2.3"
	until := time.Now().UTC().AddDate(0, 0, 10)
	s.options.Ignore = []account.Exception{{User: s.prefix + "=batch*", Reason: "nightly", Until: until, By: "ops"}, {User: "nobody_at_all"}}
	s.settle()
	idle, busy, batch := s.user("idle", 100), s.user("busy", 3), s.user("=batch_1", 400)
	s.exec("ALTER ROLE " + busy + " CREATEROLE")
	s.exec("GRANT pg_read_all_data TO " + busy)
	s.exec("CREATE SCHEMA AUTHORIZATION " + busy)
	s.exec("UPDATE user_login_status SET last_login_source = 'login' WHERE user_name = $1", busy)
	if _, err := s.refusedLogin(busy); err == nil {
		t.Fatal("a wrong password lets in")
	}
	r := s.run()
	files := s.kept(r)
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, []string{"accounts.csv", "accounts.json", "manifest.json", "page.html", "report.json"}) {
		t.Fatalf("kept %q; not written %q", got, r.Unwritten)
	}
	if want := "s3://" + s.reports.Bucket + "/" + files["page.html"].Key; r.ReportURI != want {
		t.Errorf("reportUri %q, want %q", r.ReportURI, want)
	}
	accounts := unmarshal[[]report.Account](s, files["accounts.json"].Body)
	byName := map[string]report.Account{}
	var totals report.Totals
	for _, a := range accounts {
		byName[a.User] = a
		totals.Add(a)
	}
	s.addUp(totals, r)
	if len(byName) != len(accounts) || len(accounts) != query[int](s, "SELECT count(*)::int FROM pg_roles r WHERE rolcanlogin OR EXISTS (SELECT FROM user_login_status s WHERE s.role_oid = r.oid)") {
		t.Errorf("%d rows of %d names", len(accounts), len(byName))
	}
	if a := byName[busy]; a.Login != "password" || !slices.Equal(a.Privileges, []string{"createrole", "pg_read_all_data"}) || *a.OwnsObjects != 1 || a.LastActivity == nil ||
		a.LastActivitySource != "login" || *a.IdleDays != 2 && *a.IdleDays != 3 || a.Due != "lock" || a.Status != "Active" {
		t.Errorf("busy: %+v", a)
	}
	if a := byName[idle]; a.Status != "Locked" || a.Login != "none" || a.LastActivity != nil || a.LastActivitySource != "first seen" || a.Due != "drop" || len(a.Privileges) != 0 {
		t.Errorf("idle: %+v", a)
	}
	if a := byName[batch]; a.Exemption != "IGNORE_USER_LIST: "+s.prefix+"=batch*" || a.ExemptionReason != "nightly" || a.ExemptionUntil != until.Format(time.DateOnly) || a.Due != "" {
		t.Errorf("batch: %+v", a)
	}
	for name, want := range map[string]int{busy: 1, idle: 0} {
		if a := byName[name]; a.FailedLogins == nil || *a.FailedLogins != want {
			t.Errorf("failed logins of %s, which are %d: %+v", name, want, a)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(string(files["accounts.csv"].Body))).ReadAll()
	if err != nil || len(rows) != len(accounts)+1 {
		t.Errorf("%d rows of CSV, %v", len(rows), err)
	}
	if page := string(files["page.html"].Body); !strings.Contains(page, idle) || !strings.Contains(page, "nightly") || !strings.Contains(page, ">locked<") {
		t.Error("the page lacks a role, an exception or the history")
	}
	if kept := unmarshal[report.Report](s, files["report.json"].Body); len(kept.Locked) != 1 || len(kept.Exceptions) != 2 || kept.ReportURI != r.ReportURI {
		t.Errorf("report.json: %+v", kept)
	}
	s.vouches(files)
}

// addUp holds the numbers of the accounts to the report's.
func (s *stage) addUp(totals report.Totals, r report.Report) {
	s.t.Helper()
	c := r.Counts
	if totals.Active != c.Active || totals.Locked != c.Locked || totals.ReadyToDelete != c.ReadyToDelete || totals.Ignored != c.Ignored || totals.ByRule != len(r.NotManaged) ||
		totals.Active+totals.Locked+totals.ReadyToDelete != c.Tracked {
		s.t.Errorf("the accounts add up to %+v; the report says %+v, and %d not managed", totals, c, len(r.NotManaged))
	}
}

// vouches holds the manifest to the files beside it.
func (s *stage) vouches(files map[string]localaws.Object) {
	s.t.Helper()
	manifest := unmarshal[report.Manifest](s, files["manifest.json"].Body)
	if manifest.Version != "1.2.3" || *manifest.Policy.LockDays != 90 || manifest.Policy.Source != "environment" || !manifest.Coverage.Complete || *manifest.Retention != (report.Retention{Mode: "GOVERNANCE", Days: 30}) {
		s.t.Errorf("manifest %+v", manifest)
	}
	if len(manifest.Files) != 4 {
		s.t.Errorf("the manifest names %d files", len(manifest.Files))
	}
	for _, f := range manifest.Files {
		o := files[f.Name]
		sum := sha256.Sum256(o.Body)
		if f.SHA256 != hex.EncodeToString(sum[:]) || f.VersionID != o.VersionID || f.VersionID == "" || f.Bytes != int64(len(o.Body)) || f.Error != "" {
			s.t.Errorf("the manifest says %+v", f)
		}
		if o.Encryption != "aws:kms" || o.KMSKeyID != "alias/reports" || o.LockMode != "GOVERNANCE" || o.ContentType != f.ContentType {
			s.t.Errorf("%s is kept as %s, %s, %s, %s", f.Name, o.Encryption, o.KMSKeyID, o.LockMode, o.ContentType)
		}
	}
}

// A bucket that takes nothing, or not all, stops no sweep: it is told.
func TestReportsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.topic = "arn:aws:sns:us-east-1:123456789012:notices"
	s.reports = publish.Place{Bucket: "bucket-in-ireland", Prefix: s.prefix}
	s.stack.SetBucket("bucket-in-ireland", localaws.Bucket{Region: "eu-west-1"})
	s.settle()
	idle := s.user("idle", 100)
	r := s.run()
	if len(r.Locked) != 1 || r.Locked[0].User != idle || r.ReportURI != "" || len(r.Unwritten) != 5 {
		t.Errorf("locked %q, reportUri %q, not written %q", closedUsers(r.Locked), r.ReportURI, r.Unwritten)
	}
	if len(r.Unwritten) == 0 || !strings.Contains(r.Unwritten[0], `accounts.csv was not written`) || !strings.Contains(r.Unwritten[0], `in Region "eu-west-1"`) {
		t.Errorf("it says %q", r.Unwritten)
	}
	s.run()
	told := 0
	for _, n := range s.stack.Notices() {
		if strings.HasPrefix(n.Subject, s.prefix+":") && strings.Contains(n.Message, "page.html was not written") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("three runs without their files have told it %d times", told)
	}
}
