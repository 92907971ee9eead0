package report_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/report"
)

func TestBriefTellsWhatADigestNeeds(t *testing.T) {
	t.Parallel()
	r := report.New("secret", false, report.Policy{Tags: []report.Tag{{Key: "pgrotator:mode", Value: "act", Used: true}}})
	r.Evidence.Complete = true
	if brief := r.Brief(); !brief.OK || len(brief.Reasons) != 0 {
		t.Errorf("nothing is wrong: %+v", brief)
	}
	r.Locked, r.Spared = []report.Closed{{User: "tom"}}, []report.Spared{{User: "jane"}}
	if brief := r.Brief(); !brief.OK || !slices.Equal(brief.Did.Locked, []string{"tom"}) || !slices.Equal(brief.Did.Spared, []string{"jane"}) || len(brief.Policy.Tags) != 1 {
		t.Errorf("%+v", brief)
	}
	for what, spoil := range map[string]func(*report.Report){
		"evidence incomplete": func(r *report.Report) { r.Evidence.Complete = false },
		"failed":              func(r *report.Report) { r.Failed = []report.Failed{{User: "tom", Error: "no"}} },
		"held back":           func(r *report.Report) { r.Held.Users = []string{"tom"} },
	} {
		spoilt := r
		spoil(&spoilt)
		if spoilt.Brief().OK {
			t.Errorf("%s, and it is ok", what)
		}
	}
}

// A brief has every key that its readers are promised, also where nothing was written.
func TestBriefHasItsKeys(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(report.New("secret", false, report.Policy{}).Brief())
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"secretId", "ok", "counts", "reasons", "reportUri"} {
		if keys[key] == nil {
			t.Errorf("no %s in %s", key, text)
		}
	}
}

// A fleet's digest tells what could not be delivered of a database, though all is well with it.
func TestDigestTellsWhatWasNotDelivered(t *testing.T) {
	t.Parallel()
	r := report.New("secret", false, report.Policy{})
	r.Evidence.Complete, r.Unwritten, r.NotImported = true, []string{"page.html was not written: no."}, []string{"2 of 2 findings were not imported: no."}
	brief := r.Brief()
	d := report.Digest{Databases: []report.Database{{Brief: brief, State: brief.StateOf()}}}
	subject, mail := d.Mail()
	if !brief.OK || subject != "Fleet of 1 databases: 1 with files or findings undelivered" {
		t.Errorf("ok %v, subject %q", brief.OK, subject)
	}
	page := fleetPage(t, d)
	for _, line := range slices.Concat(r.Unwritten, r.NotImported) {
		if !strings.Contains(mail, line) || !strings.Contains(page, line) {
			t.Errorf("mail or page does not tell %q:\n%s", line, mail)
		}
	}
}

// Whatever a sweep has found, its brief fits, and what it leaves out is counted.
func TestBriefIsBounded(t *testing.T) {
	t.Parallel()
	r := report.New("arn:aws:secretsmanager:us-east-1:123456789012:secret:"+strings.Repeat("s", 512), false, report.Policy{})
	const many = 5_000
	for n := range many {
		name := fmt.Sprintf("%s%d", strings.Repeat("\x01<&", 19), n) // six characters each, in JSON
		r.Locked = append(r.Locked, report.Closed{User: name})
		r.Failed = append(r.Failed, report.Failed{User: name, Error: "permission denied"})
	}
	for range 50 {
		r.Policy.Tags = append(r.Policy.Tags, report.Tag{Key: strings.Repeat("k", 128), Value: strings.Repeat("<", 256)})
	}
	brief := r.Brief()
	text, err := json.Marshal(brief)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > report.MaxBrief {
		t.Errorf("%d bytes", len(text))
	}
	if told := len(brief.Did.Locked) + len(brief.Did.Failed) + len(brief.Policy.Tags) + brief.Did.Left; told != 2*many+50 || len(brief.Did.Failed) == 0 {
		t.Errorf("told of %d, %d of them failed", told, len(brief.Did.Failed))
	}
}
