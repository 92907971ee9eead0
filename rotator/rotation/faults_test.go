package rotation_test

import (
	"fmt"
	"sync"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

// arrangement is one of those in which every fault point is tried.
type arrangement struct {
	name    string
	first   bool              // only a first rotation is like this: each fault has a scene of its own
	single  bool              // one user: AWSCURRENT logs in, or AWSPENDING does
	env     map[string]string // the function's
	prepare func(*localtest.Scene)
}

var arrangements = []arrangement{
	{name: "function of setup", prepare: func(s *localtest.Scene) {
		s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
		s.MustSetup()
	}},
	{name: "directly", prepare: func(s *localtest.Scene) {
		s.ArticleRoles("CREATEROLE")
		s.CreateSecret(nil)
	}},
	{name: "user itself", prepare: func(s *localtest.Scene) {
		s.ArticleRoles("")
		s.SQL(fmt.Sprintf("ALTER ROLE %s LOGIN PASSWORD 'previous'", s.B))
		s.CreateSecret(map[string]any{"username": s.B, "password": "previous"})
		s.PutCurrent(s.Value(nil))
	}},
	{name: "master makes the user", first: true, prepare: func(s *localtest.Scene) {
		arn := s.CreateMaster()
		s.ArticleRoles("")
		s.SQL("DROP ROLE " + s.B)
		s.CreateSecret(map[string]any{"masterarn": arn})
	}},
	// Where passwords expire, a user cannot set its own: the master does so in every rotation.
	{name: "master sets the user", env: map[string]string{"PASSWORD_VALID_DAYS": "100"}, prepare: func(s *localtest.Scene) {
		arn := s.CreateMaster()
		s.ArticleRoles("")
		s.CreateSecret(map[string]any{"masterarn": arn})
	}},
	{name: "single user", single: true, prepare: func(s *localtest.Scene) {
		s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
		s.B, s.Shared = s.A, s.A
		s.CreateSecret(map[string]any{"usernames": []string{s.A}})
	}},
	{name: "master sets the single user", single: true, env: map[string]string{"PASSWORD_VALID_DAYS": "100"}, prepare: func(s *localtest.Scene) {
		arn := s.CreateMaster()
		s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
		s.B, s.Shared = s.A, s.A
		s.CreateSecret(map[string]any{"usernames": []string{s.A}, "masterarn": arn})
	}},
}

// mustLogin wants what logs in at every moment to do so.
func (a arrangement) mustLogin(s *localtest.Scene) {
	if a.single {
		s.MustLoginAs("AWSCURRENT", "AWSPENDING")
	} else {
		s.MustLogin("AWSCURRENT")
	}
}

// newFaultScene plays behind a proxy, with AWSCURRENT watched: it must log in after every single invocation.
func newFaultScene(t *testing.T, a arrangement) (*localtest.Scene, *pgfault.Proxy) {
	t.Helper()
	s := localtest.New(t, server, a.env)
	proxy, err := pgfault.Start(t.Context(), fmt.Sprintf("127.0.0.1:%d", server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	s.Behind(proxy.Port())
	a.prepare(s)
	s.AWS.AfterInvoke(func(localaws.Invocation) { a.mustLogin(s) })
	s.AWS.ResetCalls()
	proxy.Count()
	return s, proxy
}

// rotateOnce is one rotation, which Secrets Manager itself tries again.
func rotateOnce(t *testing.T, s *localtest.Scene) {
	t.Helper()
	before := s.Credential("AWSCURRENT")
	if err := s.Rotate(); err != nil {
		t.Fatalf("%v\n%s", err, s.Function.Output())
	}
	checkRotated(t, s, before)
}

// At each message that asks PostgreSQL for an answer: the connection is cut, or the function killed, before the server hears of
// it or after it has carried it out. The rotation completes all the same, if need be by Secrets Manager's retry.
func TestRotationSurvivesEveryDatabaseFault(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s, proxy := newFaultScene(t, a)
			rotateOnce(t, s)
			points := proxy.Points()
			for _, point := range localtest.Points(points, 3) {
				t.Run(fmt.Sprintf("point %d of %d", point, points), func(t *testing.T) {
					t.Parallel()
					databaseFaults(t, a, point)
				})
			}
		})
	}
}

// databaseFaults rotates once for each kind of fault at a point.
func databaseFaults(t *testing.T, a arrangement, point int) {
	s, proxy := newFaultScene(t, a)
	for i, kind := range pgfault.Kinds() {
		if i > 0 && a.first {
			s, proxy = newFaultScene(t, a)
		}
		t.Run(string(kind), func(t *testing.T) {
			proxy.Inject(point, kind, s.Function.Kill)
			rotateOnce(t, s)
			if !proxy.Reached() {
				t.Error("the rotation never came to this point")
			}
		})
	}
}

var awsFaults = []struct {
	name    string
	outcome localaws.Outcome
}{
	{"error", localaws.Fail("InternalServiceError", 500)},
	{"refused", localaws.Fail("AccessDeniedException", 400)},
	{"throttled", localaws.Throttle},
	{"reply lost", localaws.LoseReply},
	{"killed before", localaws.KillBefore},
	{"killed after", localaws.KillAfter},
}

// awsCall is the n-th call of an operation by the function. Calls at the same time come in any order: a number over all
// operations would name another one in each run.
type awsCall struct {
	operation string
	n         int
}

// faultOnce has one call of the function end in outcome, and all others pass.
func faultOnce(s *localtest.Scene, at awsCall, outcome localaws.Outcome) (reached func() bool) {
	var mu sync.Mutex
	seen := 0
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		mu.Lock()
		defer mu.Unlock()
		if c.Function == "" || c.Operation != at.operation {
			return localaws.Pass
		}
		if seen++; seen != at.n {
			return localaws.Pass
		}
		return outcome
	})
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return seen >= at.n
	}
}

// At each AWS call of a rotation: an error, a refusal that the SDK does not repeat, throttling, a lost reply, the function killed
// before the call was carried out or after.
func TestRotationSurvivesEveryAWSFault(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements {
		if a.first {
			continue // its AWS calls are those of the master that sets the user
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFaultScene(t, a)
			rotateOnce(t, s)
			for _, at := range localtest.Some(functionCalls(s), 2) {
				t.Run(fmt.Sprintf("%s %d", at.operation, at.n), func(t *testing.T) {
					t.Parallel()
					awsCallFaults(t, a, at)
				})
			}
		})
	}
}

// awsCallFaults rotates once for each fault at a call.
func awsCallFaults(t *testing.T, a arrangement, at awsCall) {
	s, _ := newFaultScene(t, a)
	for i, f := range awsFaults {
		if i > 0 && a.first {
			s, _ = newFaultScene(t, a)
		}
		t.Run(f.name, func(t *testing.T) {
			reached := faultOnce(s, at, f.outcome)
			rotateOnce(t, s)
			if !reached() {
				t.Error("the rotation never made this call")
			}
		})
	}
}

// functionCalls lists the AWS calls of the rotation that has just ended.
func functionCalls(s *localtest.Scene) []awsCall {
	counts := map[string]int{}
	var calls []awsCall
	for _, c := range s.AWS.Calls() {
		if c.Function != "" {
			counts[c.Operation]++
			calls = append(calls, awsCall{c.Operation, counts[c.Operation]})
		}
	}
	return calls
}
