package logread_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/logread"
)

// beforeAuthorization knows what PostgreSQL 14 to 18 write of a client that they refuse before it is authorized: in the code around
// authentication (auth.c), by its startup packet and the state of the system (postmaster.c; from 17 on backend_startup.c), and where there
// is no slot for its process (proc.c, InitProcess). All else is InitPostgres's, after "connection authorized".
var beforeAuthorization = regexp.MustCompile(`authentication failed for user |^connection requires a valid client certificate|^pg_hba\.conf rejects |^no pg_hba\.conf entry |` +
	`^canceling authentication |^sorry, too many clients |^the database system is |^unsupported frontend protocol |^invalid startup packet layout|` +
	`^no PostgreSQL user name |^received unencrypted data |^number of requested standby connections `)

// loose stands in for whatever a bad setting names, of which rows know roles and databases alone: such a role is spared.
const loose = "%s does not exist"

// filled is a text with a name for each %s, but a number for one that it begins with.
func filled(text string) string {
	if rest, ok := strings.CutPrefix(text, "%s"); ok {
		text = "12 kB" + rest
	}
	return strings.NewReplacer("%s", "role", "%d", "12", "%u", "12").Replace(text)
}

// Of the refusals that whole events are known by, rows take from logins those after authorization and no other.
func TestRefusalsAfterAuthorization(t *testing.T) {
	t.Parallel()
	known, err := os.ReadFile("../loginlog/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	met := map[logread.Class]int{}
	for line := range strings.Lines(string(known)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "refusal\t")
		if !ok || text == loose {
			continue
		}
		want := logread.Refusal
		if beforeAuthorization.MatchString(text) {
			want = logread.Unproven
		}
		met[want]++
		for _, head := range []string{plain + "FATAL:  ", plain + "FATAL:  28000: ", longer + "[unknown]FATAL:  "} {
			if got := kind(t, head+filled(text)); got.Class != want {
				t.Errorf("%q is %s, want %s", head+filled(text), got.Class, want)
			}
		}
	}
	if met[logread.Refusal] < 30 || met[logread.Unproven] < 20 {
		t.Errorf("texts met: %v", met)
	}
}
