package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/fleet"
	"pgrotator/rotator/report"
)

const arn = "arn:aws:secretsmanager:us-east-1:%s:secret:%s-AbCdEf"

func brief(id string, ok bool, did report.Did, reasons ...string) fleet.Run {
	return fleet.Run{Brief: report.Brief{SecretID: id, OK: ok, Reasons: reasons, Did: did}}
}

// One digest of everything that can come of a sweep: each database once, the worst first, and in the mail whoever it is about.
func TestDigestTellsOfAllWorstFirst(t *testing.T) {
	t.Parallel()
	id := func(name string) string { return fmt.Sprintf(arn, "123456789012", name) }
	elsewhere := fmt.Sprintf(arn, "444455556666", "quiet") // the same name in another account
	runs := []fleet.Run{
		brief(id("quiet"), true, report.Did{}),
		brief(id("locks"), true, report.Did{Locked: []string{"tom", "line\nbreak"}, Deleted: []string{"ann"}, Ready: []string{"erika"}, Spared: []string{"jane"}}),
		brief(id("undone"), false, report.Did{Failed: []string{"otto: permission denied"}, Held: []string{"max"}}),
		brief(id("doubt"), false, report.Did{}, "log_connections is off."),
		{Brief: report.Brief{SecretID: id("broken")}, Error: "reading AWSCURRENT of secret: it is no JSON"},
	}
	members := []fleet.Member{{SecretID: elsewhere, Sweep: true}, {SecretID: id("rotated")}}
	for _, run := range runs {
		members = append(members, fleet.Member{SecretID: run.SecretID, Sweep: true})
	}
	now := time.Date(2027, 3, 1, 3, 17, 0, 0, time.UTC)
	d := fleet.NewDigest(runs, fleet.List{Secrets: members, Overdue: []report.Overdue{{SecretID: id("rotated"), Since: now.Add(-240 * time.Hour), Why: "it is switched off"}},
		Faults: []report.Fault{{Subject: "account 1", Error: "AccessDenied"}}}, []report.Fault{{Subject: "s3://b/k", Error: "NoSuchKey"}}, now)
	var got []string
	for _, one := range d.Databases {
		got = append(got, one.Name()+" "+string(one.State))
	}
	want := "broken sweep failed, quiet did not run, doubt evidence incomplete, undone not all done, locks changed, quiet nothing to do"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
	subject, body := d.Mail()
	for _, part := range []string{"broken: reading AWSCURRENT of secret: it is no JSON", "doubt: log_connections is off.", "undone: otto: permission denied", "undone: max",
		`locks: tom, "line\nbreak"`, "locks: ann", "locks: erika", "locks: jane", "rotated: it is switched off; since 2027-02-19", "account 1: AccessDenied", "s3://b/k: NoSuchKey", "Databases: 6, of which nothing was to be done in 1"} {
		if !strings.Contains(body, part) {
			t.Errorf("the mail does not say %q", part)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s", subject, body)
	}
}

// What kept the sweeps from running is told, quoted and bounded, beside the databases that were not swept.
func TestDigestOfAFailure(t *testing.T) {
	t.Parallel()
	const cause = "not authorized to perform: s3:GetObject\n\u202e"
	d, _, err := fleet.NewDigester(nil, nil, nil, "").Tell(t.Context(), fleet.Runs{Failure: &fleet.Failure{Error: "States.ItemReaderFailed", Cause: cause + strings.Repeat("x", 32<<10)}},
		fleet.List{Secrets: []fleet.Member{{SecretID: fmt.Sprintf(arn, "123456789012", "orders"), Sweep: true}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := d.Mail()
	for _, part := range []string{`the sweeps: the state machine (its execution in Step Functions tells which ran) ended them with "States.ItemReaderFailed": "not authorized to perform: s3:GetObject\n\u202exxx`, "orders: no run"} {
		if !strings.Contains(body, part) || len(body) > 2000 {
			t.Errorf("the mail of %d bytes does not say %q: %.3000s", len(body), part, body)
		}
	}
}

func TestMailOfNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if _, body := fleet.NewDigest([]fleet.Run{brief("one", true, report.Did{})}, fleet.List{}, nil, now).Mail(); body != "" {
		t.Errorf("nothing is to be told:\n%s", body)
	}
	if subject, body := fleet.NewDigest(nil, fleet.List{}, nil, now).Mail(); !strings.Contains(body, "No secret of the fleet has its database swept") {
		t.Errorf("a fleet of none: %s\n%s", subject, body)
	}
}

// SNS takes 256 KB and a subject of 100 characters of ASCII, whatever names people choose.
func TestMailIsBounded(t *testing.T) {
	t.Parallel()
	names := make([]string, 500)
	for n := range names {
		names[n] = strings.Repeat("ß\u202e", 12)
	}
	var runs []fleet.Run
	for n := range 400 {
		run := brief(fmt.Sprintf(arn, "123456789012", fmt.Sprintf("database%d", n)), n%2 == 0, report.Did{Failed: names, Held: names, Locked: names, Deleted: names, Unlocked: names, Ready: names, Spared: names})
		run.Policy = &report.Policy{Tags: []report.Tag{{Key: "pgrotator:ignore", Value: strings.Repeat("x", 256), Used: true}}}
		switch n % 5 {
		case 1:
			run.Reasons = names
		case 2:
			run.Error = strings.Repeat("error ", 10_000)
		}
		runs = append(runs, run)
	}
	subject, body := fleet.NewDigest(runs, fleet.List{}, nil, time.Now()).Mail()
	if len(body) > 256<<10 || len(subject) > 100 || !strings.Contains(body, "and 50 more") {
		t.Errorf("%d bytes, subject of %d: %s", len(body), len(subject), subject)
	}
}

// files are what a ResultWriter has written, by key.
type files map[string]string

func (f files) open(_ context.Context, bucket, key string) (io.ReadCloser, error) {
	text, found := f[key]
	if bucket != "results" || !found {
		return nil, errors.New("NoSuchKey: s3://" + bucket + "/" + key)
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// What the ResultWriter writes: a text in a text for input and output, a file for each way in which an execution ended.
func TestRunsOfAManifest(t *testing.T) {
	t.Parallel()
	f := files{
		"m/manifest.json": `{"DestinationBucket":"results","MapRunArn":"arn","ResultFiles":{"SUCCEEDED":[{"Key":"m/SUCCEEDED_0.json","Size":1},{"Key":"m/SUCCEEDED_1.json"}],"FAILED":[{"Key":"m/FAILED_0.json"}],"PENDING":[{"Key":"m/PENDING_0.json"}]}}`,
		"m/SUCCEEDED_0.json": `[{"Name":"1","Input":"{\"secretId\":\"well\",\"sweep\":true}","Output":"{\"secretId\":\"well\",\"ok\":true,\"counts\":{\"tracked\":3},\"reasons\":[]}","Status":"SUCCEEDED"},
			{"Name":"2","Input":"{\"secretId\":\"rotated\",\"sweep\":false}","Output":"{\"secretId\":\"rotated\",\"sweep\":false}"},
			{"Name":"3","Input":"{\"secretId\":\"odd\",\"sweep\":true}","Output":"null"},
			{"Name":"4","Input":"{\"secretId\":\"forged\",\"sweep\":true}","Output":"{\"secretId\":\"well\",\"ok\":true}"}]`,
		"m/FAILED_0.json": `[{"Name":"5","Input":"{\"secretId\":\"broken\",\"sweep\":true}","Error":"errorString","Cause":"{\"errorMessage\":\"it is no JSON\",\"errorType\":\"errorString\"}","Status":"FAILED"},
			{"Name":"6","Input":"{\"secretId\":\"slow\",\"sweep\":true}","Status":"TIMED_OUT"},{"Name":"7","Input":"[]","Error":"States.Timeout"}]`,
		"m/PENDING_0.json": `[{"Input":"{\"secretId\":\"waiting\",\"sweep\":true}"}]`,
	}
	runs, faults, err := fleet.Manifest{Bucket: "results", Key: "m/manifest.json"}.Runs(t.Context(), f.open)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, run := range runs {
		got = append(got, fmt.Sprintf("%s %v %v %s", run.SecretID, run.OK, run.NotRun, run.Error))
	}
	want := []string{"well true false ", "odd false false the sweep's answer cannot be read", "forged false false the sweep's answer cannot be read",
		"broken false false it is no JSON", "slow false false TIMED_OUT", "execution 7 false false States.Timeout", "waiting false true the Map ended before its turn came"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(faults) != 1 || faults[0].Subject != "s3://results/m/SUCCEEDED_1.json" {
		t.Errorf("a file is missing, and told is %+v", faults)
	}
}

func TestManifestsThatAreNone(t *testing.T) {
	t.Parallel()
	f := files{"list": `[]`, "other": `{"secretId":"one"}`, "foreign": `{"DestinationBucket":"theirs","ResultFiles":{}}`,
		"cut": `{"ResultFiles":{"FAILED":[{"Key":"cut off"},{"Key":"object"}]}}`, "cut off": `[{"Input":"{}"}`, "object": `{}`}
	for key, want := range map[string]string{"absent": "NoSuchKey", "list": "no manifest of a ResultWriter", "other": "no manifest of a ResultWriter", "foreign": `bucket "theirs"`} {
		if _, _, err := (fleet.Manifest{Bucket: "results", Key: key}).Runs(t.Context(), f.open); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", key, err, want)
		}
	}
	runs, faults, err := fleet.Manifest{Bucket: "results", Key: "cut"}.Runs(t.Context(), f.open)
	if err != nil || len(faults) != 2 || len(runs) != 1 {
		t.Errorf("of files that are cut short: %+v, %+v, %v", runs, faults, err)
	}
	for _, m := range []fleet.Manifest{{}, {Bucket: "b"}, {Key: "k"}} {
		if m.Admit() == nil {
			t.Errorf("%+v is admitted", m)
		}
	}
	if fleet.Admit([]fleet.Run{brief("one", true, report.Did{}), {}}) == nil {
		t.Error("a run without a secretId is admitted")
	}
}
