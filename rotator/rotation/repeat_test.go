package rotation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

var allSteps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// Secrets Manager may send a step again: the second time is success too, and the pending value stays the one it was.
func TestStepsMayBeRepeated(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, a.env)
			a.prepare(s)
			before, token := s.Credential("AWSCURRENT"), s.Begin()
			var pending string
			for _, step := range allSteps {
				s.Steps(token, step)
				if pending == "" {
					pending = s.ReadSecret("AWSPENDING")
				}
				s.Steps(token, step)
				a.mustLogin(s)
			}
			if current := s.ReadSecret("AWSCURRENT"); current != pending {
				t.Error("the value that was pending is not the one that became AWSCURRENT")
			}
			checkRotated(t, s, before)
			if slices.Contains(functionCalls(s), awsCall{"PutSecretValue", 2}) {
				t.Error("a value that was stored already was written again")
			}
		})
	}
}

// Two processes carry out the same step at the same time.
func TestStepsMayRunTwiceAtOnce(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, a.env)
			a.prepare(s)
			before, token := s.Credential("AWSCURRENT"), s.Begin()
			for _, step := range allSteps {
				twiceAtOnce(t, s, step, token)
				a.mustLogin(s)
			}
			checkRotated(t, s, before)
			if n := len(s.Function.Processes()); n < 2 {
				t.Errorf("%d process ran", n)
			}
		})
	}
}

// twiceAtOnce holds both invocations at their first AWS call until the other has come there too.
func twiceAtOnce(t *testing.T, s *localtest.Scene, step, token string) {
	t.Helper()
	var both sync.WaitGroup
	both.Add(2)
	var arrived atomic.Int64
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function != "" && c.Operation == "DescribeSecret" && arrived.Add(1) <= 2 {
			both.Done()
			both.Wait()
		}
		return localaws.Pass
	})
	defer s.AWS.Intercept(nil)
	var runs sync.WaitGroup
	for range 2 {
		runs.Go(func() {
			if err := s.Step(step, token); err != nil {
				t.Errorf("%s, twice at once: %v", step, err)
			}
		})
	}
	runs.Wait()
}

// AWS's pages spell the steps in two ways.
func TestBothSpellingsOfTheSteps(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	before, token := s.Credential("AWSCURRENT"), s.Begin()
	s.Steps(token, "create_secret", "set_secret", "test_secret", "finish_secret")
	checkRotated(t, s, before)
}

// finishSecret is success where somebody else has moved AWSCURRENT between its look and its own move.
func TestFinishSecretLosesTheRace(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	before, token := s.Credential("AWSCURRENT"), s.Begin()
	current := versionOf(t, s, "AWSCURRENT")
	s.Steps(token, "createSecret", "setSecret", "testSecret")
	var once sync.Once
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function != "" && c.Operation == "UpdateSecretVersionStage" {
			once.Do(func() { moveCurrent(t, s, current, token) })
		}
		return localaws.Pass
	})
	s.Steps(token, "finishSecret")
	checkRotated(t, s, before)
}

// Where AWSCURRENT has gone elsewhere, finishSecret must not pass for done.
func TestFinishSecretTellsThatItLost(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	token := s.Begin()
	s.Steps(token, "createSecret", "setSecret", "testSecret")
	var once sync.Once
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function != "" && c.Operation == "UpdateSecretVersionStage" {
			once.Do(func() { s.PutCurrent(s.Value(map[string]any{"comment": "another"})) })
		}
		return localaws.Pass
	})
	if err := s.Step("finishSecret", token); err == nil || !strings.Contains(err.Error(), "moving AWSCURRENT of secret") {
		t.Errorf("finishSecret: %v", err)
	}
}

func versionOf(t *testing.T, s *localtest.Scene, stage string) string {
	t.Helper()
	out, err := s.Secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &s.SecretID, VersionStage: &stage})
	if err != nil {
		t.Fatal(err)
	}
	return *out.VersionId
}

func moveCurrent(t *testing.T, s *localtest.Scene, from, to string) {
	_, err := s.Secrets.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &s.SecretID, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &to, RemoveFromVersionId: &from})
	if err != nil {
		t.Error(err)
	}
}

// What createSecret has written may be invisible for a moment to the steps that read it.
func TestPendingValueMayComeLate(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	before, token := s.Credential("AWSCURRENT"), s.Begin()
	s.Steps(token, "createSecret", "setSecret")
	var reads atomic.Int64
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function != "" && c.Operation == "GetSecretValue" && reads.Add(1) <= 3 {
			return localaws.Fail("ResourceNotFoundException", 400)
		}
		return localaws.Pass
	})
	s.Steps(token, "testSecret", "finishSecret")
	checkRotated(t, s, before)
	if reads.Load() < 4 {
		t.Errorf("%d reads", reads.Load())
	}
}

// The token that proves a rotation across accounts goes on to PutSecretValue.
func TestRotationTokenIsPassedOn(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	var sent sync.Map
	s.AWS.AfterInvoke(func(i localaws.Invocation) {
		var event struct{ RotationToken string }
		if err := json.Unmarshal(i.Event, &event); err != nil {
			t.Error(err)
		}
		sent.Store(event.RotationToken, true)
	})
	rotateAndCheck(t, s, 1)
	for _, c := range s.AWS.Calls() {
		if c.Operation != "PutSecretValue" || c.Function == "" {
			continue
		}
		if _, known := sent.Load(c.RotationToken); !known || c.RotationToken == "" {
			t.Errorf("PutSecretValue passed on %q", c.RotationToken)
		}
		return
	}
	t.Error("no PutSecretValue")
}

// rotate-secret --no-rotate-immediately runs testSecret alone, on a copy of the current value.
func TestNoRotateImmediately(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	before := s.ReadSecret("AWSCURRENT") + s.Verifiers()
	if err := s.TestOnly(); err != nil {
		t.Fatal(err)
	}
	if after := s.ReadSecret("AWSCURRENT") + s.Verifiers(); after != before {
		t.Error("something was changed")
	}
	rotateAndCheck(t, s, 1)
}

// Only the rotation that is under way can be carried on.
func TestTokensThatAreNotPending(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	rotateAndCheck(t, s, 1)
	current, previous := versionOf(t, s, "AWSCURRENT"), versionOf(t, s, "AWSPREVIOUS")
	for _, step := range allSteps {
		s.Steps(current, step) // done already
		refuseStep(t, s, step, previous, "is not staged AWSPENDING but AWSPREVIOUS")
		refuseStep(t, s, step, strings.Repeat("0", 32), "has no version")
	}
	token := s.Begin()
	if _, err := s.Secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &s.SecretID}); err != nil {
		t.Fatal(err)
	}
	for _, step := range allSteps {
		refuseStep(t, s, step, token, "is switched off")
	}
}

func refuseStep(t *testing.T, s *localtest.Scene, step, token, text string) {
	t.Helper()
	mustRefuse(t, s, "", func() error { return s.Step(step, token) }, text, s.SecretID)
}

// A step before the one that must precede it tells so.
func TestSetSecretBeforeCreateSecret(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	token := s.Begin()
	for _, step := range []string{"setSecret", "testSecret"} {
		refuseStep(t, s, step, token, "createSecret must come first")
	}
}

// Keys that the function does not know survive, as they were written.
func TestUnknownKeysAreCarriedOver(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(map[string]any{"comment": "<a> & \"b\"", "limits": map[string]any{"big": json.Number("12345678901234567890")}, "none": []any{}})
	rotateAndCheck(t, s, 2)
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s.ReadSecret("AWSCURRENT")), &keys); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"limits": `{"big":12345678901234567890}`, "none": `[]`} {
		if got := string(keys[key]); got != want {
			t.Errorf("%s is %s; want %s", key, got, want)
		}
	}
	var comment string
	if err := json.Unmarshal(keys["comment"], &comment); err != nil || comment != `<a> & "b"` {
		t.Errorf("comment is %q, error %v", comment, err)
	}
}

// Where the setting is missing, the pending user makes it itself: PostgreSQL lets no function do that.
func TestMissingRoleSettingIsMended(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements {
		if a.first || a.single {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, a.env)
			a.prepare(s)
			s.SQL(fmt.Sprintf("ALTER ROLE %s RESET role", s.B),
				fmt.Sprintf("COMMENT ON ROLE %s IS 'pgrotator: twin of %s'", s.B, s.A)) // without the setting the master knows it by nothing else
			rotateAndCheck(t, s, 1)
		})
	}
}

// A membership that is missing only after setSecret is found by testSecret.
func TestTestSecretNamesTheMissingGrant(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(map[string]any{"role": s.Shared})
	token := s.Begin()
	s.Steps(token, "createSecret", "setSecret")
	s.SQL(fmt.Sprintf("REVOKE %s FROM %s", s.Shared, s.B))
	refuseStep(t, s, "testSecret", token, fmt.Sprintf(`cannot become the shared role %q: GRANT "%[1]s" TO "%s";`, s.Shared, s.B))
}

// The pair that usernames names needs no key role where the users' own settings name one.
func TestUsernamesWithoutRole(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.A, s.B = s.Shared+"red", s.Shared+"blue"
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(map[string]any{"usernames": []string{s.B, s.A}})
	rotateAndCheck(t, s, 3)
}

// Somebody else makes the missing user while the master is about to: the second look finds it, and sets it.
func TestMasterLosesTheRaceToMakeTheUser(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.ArticleRoles("")
	s.SQL("DROP ROLE " + s.B)
	s.CreateSecret(map[string]any{"masterarn": arn})
	s.AWS.SetRotationRetries(0, 0)
	conn := pgtest.Superuser(t, server)
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("BEGIN; CREATE ROLE %[1]s IN ROLE %[2]s; COMMENT ON ROLE %[1]s IS 'pgrotator: twin of %[3]s'", s.B, s.Shared, s.A)); err != nil {
		t.Fatal(err)
	}
	waited := make(chan bool, 1)
	go func() {
		waited <- awaitWaiting(t, s, s.Master)
		_, err := conn.Exec(t.Context(), "COMMIT")
		if err != nil {
			t.Error(err)
		}
	}()
	rotateAndCheck(t, s, 1)
	if !<-waited {
		t.Error("the master never waited for the other's CREATE ROLE")
	}
}

// awaitWaiting waits until a session of a user waits for a lock.
func awaitWaiting(t *testing.T, s *localtest.Scene, user string) bool {
	conn := pgtest.Superuser(t, s.PG)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var waits bool
		err := conn.QueryRow(t.Context(),
			"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock')", user).Scan(&waits)
		if err != nil || waits {
			return err == nil
		}
	}
	return false
}

// XX000, with which PostgreSQL answers an ALTER ROLE that has waited for another: setSecret tries again by itself.
func TestTupleConcurrentlyUpdated(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	s.AWS.SetRotationRetries(0, 0)
	conn := pgtest.Superuser(t, server)
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("BEGIN; ALTER ROLE %s CONNECTION LIMIT 50", s.B)); err != nil {
		t.Fatal(err)
	}
	go func() {
		if awaitWaiting(t, s, s.A) {
			if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
				t.Error(err)
			}
		}
	}()
	rotateAndCheck(t, s, 1)
	failed := logLines(t, s, func(line string) bool {
		return strings.Contains(line, ":"+s.A+"@") && strings.Contains(line, "tuple concurrently updated")
	})
	if len(failed) != 1 {
		t.Errorf("%d statements failed", len(failed))
	}
}
