package check_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// putMirror stores a mirror of a secret, empty where value is nil.
func putMirror(t *testing.T, s *localtest.Scene, name, of string, value map[string]any) (arn string) {
	t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, Tags: []types.Tag{{Key: aws.String("pgrotator:mirror-of"), Value: &of}}}
	if value != nil {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		in.SecretString = aws.String(string(text))
	}
	out, err := s.Secrets.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// Each thing that is wrong with a mirror, or with the proxy before the database, is told by the check of that name; where nothing is, both
// pass.
func TestMirrorsAndProxy(t *testing.T) {
	t.Parallel()
	const nobody = "127.0.0.3" // where nothing listens
	for name, c := range map[string]struct {
		spoil  func(t *testing.T, s *localtest.Scene, mirrors map[string]string) // after setup
		proxy  string
		check  string // fails; "" = none
		detail string
	}{
		"all is well": {proxy: "127.0.0.1"},
		"a mirror of another secret": {func(t *testing.T, s *localtest.Scene, mirrors map[string]string) {
			mirrors[s.B] = putMirror(t, s, "another", "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf", map[string]any{"username": s.B})
		}, "127.0.0.1", "mirrors", "and not this secret's ARN"},
		"a mirror of another user": {func(t *testing.T, s *localtest.Scene, mirrors map[string]string) {
			mirrors[s.B] = putMirror(t, s, "another", s.SecretID, map[string]any{"username": "somebody", "password": "x"})
		}, "127.0.0.1", "mirrors", `is for the user "somebody"`},
		"an empty mirror": {func(t *testing.T, s *localtest.Scene, mirrors map[string]string) {
			mirrors[s.B] = putMirror(t, s, "empty", s.SecretID, nil)
		}, "127.0.0.1", "mirrors", "does not hold its password"},
		"AWSCURRENT's mirror is behind": {func(t *testing.T, s *localtest.Scene, mirrors map[string]string) {
			mirrors[s.A] = putMirror(t, s, "behind", s.SecretID, map[string]any{"username": s.A, "password": "the one before"})
		}, "127.0.0.1", "mirrors", "does not hold its password"},
		"no proxy there": {nil, nobody, "proxy", nobody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.Plaintext, s.Host = true, "localhost"
			arn := s.CreateMaster()
			s.CreateSecret(nil)
			mirrors := map[string]string{s.A: putMirror(t, s, "mirror-a", s.SecretID, nil), s.B: putMirror(t, s, "mirror-b", s.SecretID, nil)}
			keys := map[string]any{"masterarn": arn, "mirrors": mirrors, "proxyhost": c.proxy}
			s.PutCurrent(s.Value(keys))
			s.MustSetup()
			if c.spoil != nil {
				c.spoil(t, s, mirrors)
				s.PutCurrent(s.Value(keys))
			}
			report := run(t, s, role.ForRotation)
			for _, result := range report.Checks {
				if wrong := result.Name == c.check; (result.Name == "mirrors" || result.Name == "proxy") && result.OK == wrong {
					t.Errorf("check %q says %+v", result.Name, result)
				}
			}
			if c.check == "" {
				find(t, report, "mirrors")
				find(t, report, "proxy")
			} else if result := find(t, report, c.check); !strings.Contains(result.Detail, c.detail) || result.Fix == "" {
				t.Errorf("check says %+v, want %q", result, c.detail)
			}
		})
	}
}

// A check counts whether rotations have stopped, for the alarm.
func TestRotationOverdueIsCounted(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	counted := func(want string) {
		t.Helper()
		before := len(s.Function.Output())
		overdue := !find(t, run(t, s, role.ForRotation), "rotation").OK
		if out := s.Function.Output()[before:]; !strings.Contains(out, `"RotationOverdue":`+want) || overdue != (want == "1") {
			t.Errorf("want RotationOverdue %s; the check failed: %v:\n%s", want, overdue, out)
		}
	}
	counted("0")
	if _, err := s.Secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &s.SecretID}); err != nil {
		t.Fatal(err)
	}
	counted("1")
	before := len(s.Function.Output())
	run(t, s, role.ForSweep)
	if out := s.Function.Output()[before:]; strings.Contains(out, "RotationOverdue") {
		t.Errorf("a check for the sweep counts it:\n%s", out)
	}
}
