package access_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/access"
	"pgrotator/rotator/loginlog"
)

// blocks of the page, of one language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		list = append(list, found[1])
	}
	return list
}

// The page's policies do what it says of them: one admits the application, one each person as himself, and nobody as another.
func TestPoliciesOfThePage(t *testing.T) {
	t.Parallel()
	var policies []access.Policy
	for _, text := range blocks(t, "json") {
		if strings.Contains(text, access.Connect) {
			policies = append(policies, policyOf(t, text))
		}
	}
	if len(policies) != 2 {
		t.Fatalf("the page has %d policies", len(policies))
	}
	const database = "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ/"
	for n, users := range []map[string]string{
		{"orders_app": allowed, "alice": refused, "Orders_app": refused},
		{"alice": allowed, "bob": refused, "orders_app": refused},
	} {
		for user, want := range users {
			if got := outcome(principalOf(n, policies[n]), database+user); got != want {
				t.Errorf("policy %d: %s is %s, want %s", n+1, user, got, want)
			}
		}
	}
}

// principalOf is whom the page attaches its policies to: a role, and a user named alice.
func principalOf(n int, policy access.Policy) access.Principal {
	if n == 0 {
		return role(policy)
	}
	return user(policy)
}

// What the page shows of the log is what the sweep takes it for.
func TestLogLinesOfThePage(t *testing.T) {
	t.Parallel()
	parser := loginlog.New([]string{"alice"}, []string{"orders"})
	var kinds []string
	for _, block := range blocks(t, "") {
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "2026-") {
				event, kind := parser.Parse(line)
				if event.User != "alice" {
					t.Errorf("%s is about %q", line, event.User)
				}
				kinds = append(kinds, kind.String())
			}
		}
	}
	if got := strings.Join(kinds, ", "); got != "login, attempt, refusal, refusal" {
		t.Errorf("the lines are %s", got)
	}
	for _, line := range []string{"> POST /authenticateRequest HTTP/1.1", "< HTTP/1.1 403 Forbidden"} {
		if _, kind := parser.Parse(line); kind != loginlog.Bystander {
			t.Errorf("%q is %s", line, kind)
		}
	}
}
