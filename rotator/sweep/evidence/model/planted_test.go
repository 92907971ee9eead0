package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// planted is a fault of the evidence or the policy that the model must find: a text of a file, and what is put in its place.
type planted struct {
	name, file, text, instead string
}

const (
	policyFile = "../../policy/policy.go"
	nothing    = ""
)

// faults are planted one at a time.
var faults = []planted{
	{"a position goes to the newest of its streams", "../stream.go", "\t\t\tto = earlier(to, s.To)\n", "\t\t\tto = later(to, s.To)\n"},
	{"lateness is not measured", "../stream.go", "min(max(e.options.Lag, 2*i.longestDelay()), maxReread)", "e.options.Lag"},
	{"a canary is never lost", "../canary.go", "case !made.IsZero() && e.isLost(i, made):", "case false && e.isLost(i, made):"},
	{"sessions are not counted against the log", "../continuity.go", "\t\t\te.judgeSessions(i, a, b, i.log.windows[n-1], i.log.windows[n].nearby)\n", nothing},
	{"any login bears out a count", "../witness.go", "\tif e.Replication {\n\t\treturn \"\"\n\t}\n\treturn in.databases[e.Database]\n", "\treturn \"app\"\n"},
	{"a database made anew is the one before", "../witness.go", "case !known || before.OID != now.OID:", "case !known:"},
	{"changed settings are passed by", "../continuity.go", "\t\te.judgeSettings(i)\n", nothing},
	{"settings told in another language are passed by in rows", "../../../logread/rows.txt", "(?:log_connections|log_min_messages|log_line_prefix|log_destination)", "(?:no setting)"},
	{"masked entries are passed by", "../evidence.go", "\te.judgeUnread(i)\n\tif !e.blind {\n", "\tif !e.blind {\n"},
	{"masked entries of an instance that nobody has seen are passed by", "../evidence.go", "\t\te.judgeUnread(i)\n\t\te.Instances", "\t\te.Instances"},
	{"disconnections are no activity", "../log.go", "\tcase loginlog.Disconnection:\n", "\tcase 255:\n"},
	{"what the second reading has not covered does not matter", policyFile, "v.Uncovered = !p.covers(s)", "v.Uncovered = false"},
	{"the second reading covers what no log holds", "../second.go", "\ts.From = later(s.From, e.logsBegin())\n", nothing},
	{"restored tables are not noticed", "../restored.go", "if e.log.stored.number <= known || known == 0 && !e.laterThanKnown(at) {", "if true {"},
	{"a gap undoes no lock", "../evidence.go", "\ti.lost = earlier(i.lost, g.From)\n\te.distrust(i.lost)\n", nothing},
	{"refusals are ignored", "../instance_log.go", "in.refusals[c] = at", "return"},
	{"a reload's entry is not asked for", "../continuity.go", "b.reloaded(a), b.Reload, passed)", "b.reloaded(a), true, passed)"},
	{"what the second reading finds is ignored", "../second.go", "func (s *Second) Row(r logread.Row) { s.log.add(r) }", "func (s *Second) Row(r logread.Row) {}"},
	{"a line that comes late undoes no lock", policyFile, " && s.LockedAt.Sub(s.LastLogin) < limit {", " && limit == 0 {"},
	{"anybody's login is the sweep's own", "../log.go", "if l.names.Own[event.User] {", "if true {"},
	{"any process is the postmaster", "../continuity.go", "if !slices.Contains(i.witnesses.PIDs, entry.pid) {", "if false {"},
	{"the rest of a cut entry is believed", "../log.go", "trusted := !s.followsCut(len(e.Message))", "trusted := !s.followsCut(0)"},
	{"a refusal in a stranger's names is believed", "../log.go", "s.release(kind == loginlog.Tampering && !event.Stamped)", "s.release(false)"},
	{"a session that ended between two runs ended at once", "../progress.go", "case a.Tracked && (e.wasRun(a.LastLogin)", "case false && (e.wasRun(a.LastLogin)"},
	{"what expired before it was read is no gap", "../instance.go", "\t\t\te.expire(i, kept, retention)\n", nothing},
	{"an instance that came and went gets no record", "../evidence.go", "\te.adopt(e.claim)\n", nothing},
	{"what a log lacked before its instance was renamed is passed by", "../instance.go", "\t\tr.witnesses.Looks, r.witnesses.Former = looks, i.Instance\n", nothing},
	{"any entry of a session shows that somebody let its role in", "../instance_log.go", "\treturn milli(at)\n", "\treturn milli(at - 1)\n"},
	{"a drop does not wait for what comes late", policyFile, "return p.ArrivedTo.Sub(later(s.LastLogin, p.From)) >= p.DeleteAfter", "return true"},
}

// Each planted fault stands in the source once, so that the campaign plants what it says.
func TestPlantedFaultsFit(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		f.plant(t)
	}
}

// The model finds each fault within the worlds of an ordinary test.
func TestModelFindsPlantedFaults(t *testing.T) {
	if !localtest.Soaking() {
		t.Skip("builds and runs the model once for each fault")
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			output, err := f.run(t)
			if err == nil || !bytes.Contains(output, []byte(seedVariable+"=")) {
				t.Fatalf("not found (%v):\n%s", err, output)
			}
			_, found, _ := strings.Cut(string(output), "seed ")
			found, _, _ = strings.Cut(found, "\n")
			t.Log("seed " + found)
		})
	}
}

// plant gives the file's source with the fault in it.
func (f planted) plant(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(f.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), f.text); n != 1 {
		t.Errorf("%q is in %s %d times", f.text, f.file, n)
	}
	return strings.Replace(string(source), f.text, f.instead, 1)
}

// run has a model with the fault live as many worlds as an ordinary test does.
func (f planted) run(t *testing.T) (output []byte, err error) {
	t.Helper()
	dir := t.TempDir()
	faulty, overlay := filepath.Join(dir, filepath.Base(f.file)), filepath.Join(dir, "overlay.json")
	original, err := filepath.Abs(f.file)
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: faulty}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{faulty: []byte(f.plant(t)), overlay: replace} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	model := exec.Command("go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-failfast", "-run", "^TestModel$", ".")
	model.Env = append(os.Environ(), soakVariable+"=", seedVariable+"=")
	output, err = model.CombinedOutput()
	if bytes.Contains(output, []byte("[build failed]")) {
		return nil, fmt.Errorf("it does not build: %s", output)
	}
	return output, err
}
