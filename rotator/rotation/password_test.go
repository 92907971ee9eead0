package rotation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// passwordRequests stands at SECRETS_MANAGER_ENDPOINT, passes calls on, and keeps what GetRandomPassword is asked for.
type passwordRequests struct {
	mu   sync.Mutex
	kept []map[string]any
}

func listenForPasswordRequests(t *testing.T, awsURL func() string) (endpoint string, requests *passwordRequests) {
	t.Helper()
	requests = &passwordRequests{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetRandomPassword") {
			requests.keep(t, body)
		}
		aws, err := url.Parse(awsURL())
		if err != nil {
			t.Error(err)
		}
		httputil.NewSingleHostReverseProxy(aws).ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL, requests
}

func (p *passwordRequests) keep(t *testing.T, body []byte) {
	var request map[string]any
	if err := json.Unmarshal(body, &request); err != nil {
		t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.kept, request)
}

// The variables, their defaults, and SECRETS_MANAGER_ENDPOINT itself.
func TestPasswordPolicyReachesGetRandomPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want map[string]any
	}{
		"defaults": {nil, map[string]any{"PasswordLength": 32.0, "ExcludeCharacters": `:/@"'\%`, "ExcludeNumbers": false,
			"ExcludePunctuation": false, "ExcludeUppercase": false, "ExcludeLowercase": false, "RequireEachIncludedType": true}},
		"all given": {map[string]string{"PASSWORD_LENGTH": "40", "EXCLUDE_CHARACTERS": "!#", "EXCLUDE_NUMBERS": "true",
			"EXCLUDE_PUNCTUATION": "True", "EXCLUDE_UPPERCASE": "TRUE", "EXCLUDE_LOWERCASE": "false", "REQUIRE_EACH_INCLUDED_TYPE": "false"},
			map[string]any{"PasswordLength": 40.0, "ExcludeCharacters": "!#", "ExcludeNumbers": true,
				"ExcludePunctuation": true, "ExcludeUppercase": true, "ExcludeLowercase": false, "RequireEachIncludedType": false}},
		"no character excluded": {map[string]string{"EXCLUDE_CHARACTERS": "", "PASSWORD_LENGTH": ""},
			map[string]any{"PasswordLength": 32.0, "ExcludeCharacters": "", "ExcludeNumbers": false,
				"ExcludePunctuation": false, "ExcludeUppercase": false, "ExcludeLowercase": false, "RequireEachIncludedType": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *localtest.Scene
			endpoint, requests := listenForPasswordRequests(t, func() string { return s.AWS.URL() })
			env := map[string]string{"SECRETS_MANAGER_ENDPOINT": endpoint}
			for key, value := range c.env {
				env[key] = value
			}
			s = localtest.New(t, server, env)
			s.ArticleRoles("CREATEROLE")
			s.CreateSecret(nil)
			rotateAndCheck(t, s, 1)
			requests.mu.Lock()
			defer requests.mu.Unlock()
			if len(requests.kept) != 1 || !reflect.DeepEqual(requests.kept[0], c.want) {
				t.Errorf("GetRandomPassword was asked for\n%v; want\n%v", requests.kept, c.want)
			}
		})
	}
}

// The password just set is valid for PASSWORD_VALID_DAYS, by every way that can set VALID UNTIL; unset it is for ever, also
// where the user had an end before.
func TestValidUntil(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements {
		for days, want := range map[string]string{"": "infinity", "100": time.Now().UTC().AddDate(0, 0, 100).Format(time.DateOnly)} {
			byItself, byMaster := a.name == "user itself" || a.name == "single user", strings.HasPrefix(a.name, "master sets the")
			if byItself || byMaster && days == "" {
				continue // cannot set it; does so with days alone
			}
			t.Run(a.name+" "+want, func(t *testing.T) {
				t.Parallel()
				s := localtest.New(t, server, map[string]string{"PASSWORD_VALID_DAYS": days})
				a.prepare(s)
				if !a.first && !a.single { // a single user whose end has passed logs in no more
					s.SQL(fmt.Sprintf("ALTER ROLE %s VALID UNTIL '2001-01-01'", s.B))
				}
				rotateAndCheck(t, s, 1)
				var until string
				s.Ask("SELECT left((rolvaliduntil AT TIME ZONE 'UTC')::text, 10) FROM pg_roles WHERE rolname = $1", []any{s.B}, &until)
				if until != want[:min(10, len(want))] {
					t.Errorf("valid until %s; want %s", until, want)
				}
			})
		}
	}
}

// A password is current for one interval, here 30 days, and previous for another.
func TestValidDaysMustOutlastTwoIntervals(t *testing.T) {
	t.Parallel()
	for days, refused := range map[string]bool{"60": true, "61": false} {
		t.Run(days, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, map[string]string{"PASSWORD_VALID_DAYS": days})
			s.ArticleRoles("CREATEROLE")
			s.CreateSecret(nil)
			if refused {
				mustRefuse(t, s, "createSecret", s.Rotate, "PASSWORD_VALID_DAYS is 60", "every 30 days")
				return
			}
			rotateAndCheck(t, s, 1)
		})
	}
}

// Sessions on the password that is replaced are told and counted, and the rotation goes on.
func TestPreviousStillInUse(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	const warning = "sessions are open on the password just replaced"
	mustRotate(t, s)
	if out := s.Function.Output(); strings.Contains(out, warning) || !strings.Contains(out, `"PreviousStillInUse":0`) {
		t.Errorf("nobody is connected, and the function says\n%s", out)
	}
	current := s.Credential("AWSCURRENT")
	pgtest.Connect(t, s.PG.URL(current.Username, current.Password, s.Database))
	mustRotate(t, s)
	before := len(s.Function.Output())
	mustRotate(t, s)
	if out := s.Function.Output()[before:]; !strings.Contains(out, warning) || !strings.Contains(out, `"PreviousStillInUse":1`) || !strings.Contains(out, current.Username) {
		t.Errorf("%s is connected, and the function says\n%s", current.Username, out)
	}
}

// RDS can keep password commands to members of rds_password. Stock PostgreSQL has neither the setting nor the check: what is
// tested is that a way without the membership is not taken, and that setup gives it to the owner of its function.
func TestRestrictedPasswordCommands(t *testing.T) {
	t.Parallel()
	restricted := options
	restricted.Settings = map[string]string{"rds.restrict_password_commands": "on"}
	s := localtest.New(t, pgtest.Start(t, restricted), nil)
	s.SQL("CREATE ROLE rds_password")
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	mustRefuseRotation(t, s, fmt.Sprintf("direct: rds.restrict_password_commands is on and %q is not a member of rds_password", s.Shared))

	permitted := localtest.New(t, s.PG, nil)
	permitted.ArticleRoles("CREATEROLE")
	permitted.SQL("GRANT rds_password TO " + permitted.Shared)
	permitted.CreateSecret(nil)
	rotateAndCheck(t, permitted, 1)

	after := localtest.New(t, s.PG, nil)
	after.CreateSecret(map[string]any{"masterarn": after.CreateMaster()})
	after.SQL(fmt.Sprintf("GRANT rds_password TO %s WITH ADMIN OPTION", after.Master))
	after.MustSetup()
	after.PutCurrent(after.Value(nil))
	rotateAndCheck(t, after, 1)
	after.SQL(fmt.Sprintf("REVOKE rds_password FROM rotation_%s", after.Shared))
	mustRefuseRotation(t, after, "no way to set the password", "own: rds.restrict_password_commands is on")
}

// The setting may come between createSecret and setSecret, which is the step that sets VALID UNTIL.
func TestValidDaysAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	token := s.Begin()
	s.Steps(token, "createSecret")
	s.Function = s.AddFunction("stricter", map[string]string{"PASSWORD_VALID_DAYS": "60"}, 0)
	mustRefuse(t, s, "", func() error { return s.Step("setSecret", token) }, "PASSWORD_VALID_DAYS is 60")
}
