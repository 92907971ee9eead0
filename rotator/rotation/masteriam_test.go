package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/iamfront"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

// newIAMScene has a server behind a front that lets the master in by token only, and no secret of the master's anywhere.
func newIAMScene(t *testing.T, pg *localpg.Server, env map[string]string) (*localtest.Scene, *iamfront.Front) {
	t.Helper()
	return newIAMSceneAt(t, pg, address(pg), env)
}

// newIAMSceneAt has the front stand before another address than the server's own.
func newIAMSceneAt(t *testing.T, pg *localpg.Server, backend string, env map[string]string) (*localtest.Scene, *iamfront.Front) {
	t.Helper()
	s := localtest.New(t, pg, env)
	credentials, err := s.AWS.Config().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	front, err := iamfront.Start(t.Context(), t.TempDir(), iamfront.Options{Backend: backend, Users: []string{s.Master},
		Key: iamfront.Key{Region: localaws.Region, SecretKey: credentials.SecretAccessKey}})
	if err != nil {
		t.Fatal(err)
	}
	s.CreateMaster()
	s.SQL(`DO $$ BEGIN CREATE ROLE rds_iam; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`, "GRANT rds_iam TO "+s.Master)
	s.Port = front.Port()
	ca := map[string]string{"DB_CA_FILE": front.CAFile()}
	for name, value := range env {
		ca[name] = value
	}
	s.Function = s.AddFunction("by-token", ca, 0)
	return s, front
}

func iamOptions(major int) localpg.Options {
	behind := options
	behind.Major, behind.HBA = major, []string{"host all +rds_iam 127.0.0.1/32 trust"} // the front has asked for the token
	return behind
}

// Setup, and every way that needs the master, log in with a token alone.
func TestMasterByToken(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, iamOptions(server.Major()))
	for name, arrange := range map[string]func(s *localtest.Scene){
		"setup": func(s *localtest.Scene) {
			s.CreateSecret(map[string]any{"masteriam": s.Master})
			s.MustSetup()
		},
		"master makes the user": func(s *localtest.Scene) {
			s.ArticleRoles("")
			s.SQL("DROP ROLE " + s.B)
			s.CreateSecret(map[string]any{"masteriam": s.Master})
		},
		"master sets the user": func(s *localtest.Scene) {
			s.ArticleRoles("")
			s.CreateSecret(map[string]any{"masteriam": s.Master})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, front := newIAMScene(t, pg, nil)
			arrange(s)
			rotateAndCheck(t, s, 2)
			logins := front.Logins()
			if len(logins) == 0 {
				t.Fatal("nobody logged in by token")
			}
			for _, login := range logins {
				if login.User != s.Master || login.Refused != "" {
					t.Errorf("%s by token: %q", login.User, login.Refused)
				}
				_, signature, _ := strings.Cut(login.Token, "X-Amz-Signature=")
				if strings.Contains(s.Function.Output(), signature) {
					t.Error("a token is logged")
				}
			}
		})
	}
}

// What refuses a token, and that none is sent to a server that is not verified.
func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, iamOptions(server.Major()))
	t.Run("the function's role may not", func(t *testing.T) {
		s, front := newIAMScene(t, pg, map[string]string{"AWS_SECRET_ACCESS_KEY": "another"})
		s.ArticleRoles("")
		s.CreateSecret(map[string]any{"masteriam": s.Master})
		mustRefuseRotation(t, s, "RDS refused the IAM token", "rds-db:connect", "PAM authentication failed")
		if logins := front.Logins(); len(logins) == 0 || logins[0].Refused != "the signature is wrong" {
			t.Errorf("%+v", logins)
		}
	})
	t.Run("the user is not in rds_iam", func(t *testing.T) {
		s, front := newIAMScene(t, pg, nil)
		other := s.Master + "2"
		s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'p'", other))
		s.ArticleRoles("")
		s.CreateSecret(map[string]any{"masteriam": other})
		mustRefuseRotation(t, s, "the server does not ask for an IAM token")
		if logins := front.Logins(); len(logins) > 0 {
			t.Errorf("a token was sent: %+v", logins)
		}
	})
	t.Run("the server is not verified", func(t *testing.T) {
		s, front := newIAMScene(t, pg, map[string]string{"DB_CA_FILE": ""})
		s.ArticleRoles("")
		s.Function = s.AddFunction("trusting-nobody", map[string]string{"DB_CA_FILE": pg.CAFile()}, 0)
		s.CreateSecret(map[string]any{"masteriam": s.Master})
		mustRefuseRotation(t, s, "is signed by an unknown CA")
		if logins := front.Logins(); len(logins) > 0 {
			t.Errorf("a token was sent: %+v", logins)
		}
	})
}

// At each message behind the front, that of the token's login included: the connection is cut, or the function killed. Setup and rotation
// by token complete, if need be when tried again, AWSCURRENT logs in at every moment, and no token is logged.
func TestTokenLoginsSurviveEveryDatabaseFault(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, iamOptions(server.Major()))
	for name, a := range map[string]struct {
		prepare func(s *localtest.Scene)
		act     func(t *testing.T, s *localtest.Scene) error
	}{
		"setup": {func(s *localtest.Scene) {
			s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
		}, func(_ *testing.T, s *localtest.Scene) error {
			_, err := s.Setup()
			return err
		}},
		"master sets the user": {func(s *localtest.Scene) { s.ArticleRoles("") }, func(_ *testing.T, s *localtest.Scene) error { return s.Rotate() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy, _ := newTokenFaultScene(t, pg, a.prepare)
			if err := a.act(t, s); err != nil {
				t.Fatal(err)
			}
			points := proxy.Points()
			for _, point := range localtest.Points(points, 6) {
				t.Run(fmt.Sprintf("point %d of %d", point, points), func(t *testing.T) {
					t.Parallel()
					kinds := pgfault.Kinds()
					if !localtest.Soaking() {
						kinds = kinds[point%len(kinds):][:1]
					}
					for _, kind := range kinds {
						s, proxy, front := newTokenFaultScene(t, pg, a.prepare)
						proxy.Inject(point, kind, s.Function.Kill)
						if err := a.act(t, s); err != nil && !strings.Contains(err.Error(), "Runtime exited") {
							t.Errorf("%s: %v", kind, err)
						}
						if !proxy.Reached() {
							t.Errorf("%s: this point was never come to", kind)
						}
						s.MustLogin("AWSCURRENT")
						if err := a.act(t, s); err != nil {
							t.Errorf("%s, again: %v", kind, err)
						}
						s.MustLogin("AWSCURRENT")
						mustNotLogTokens(t, s, front.Logins())
					}
				})
			}
		})
	}
}

// newTokenFaultScene has a proxy between the front and the server. Passwords expire, so that each rotation takes the master.
func newTokenFaultScene(t *testing.T, pg *localpg.Server, prepare func(s *localtest.Scene)) (*localtest.Scene, *pgfault.Proxy, *iamfront.Front) {
	t.Helper()
	proxy, err := pgfault.Start(t.Context(), address(pg))
	if err != nil {
		t.Fatal(err)
	}
	s, front := newIAMSceneAt(t, pg, fmt.Sprintf("127.0.0.1:%d", proxy.Port()), map[string]string{"PASSWORD_VALID_DAYS": "100"})
	prepare(s)
	s.CreateSecret(map[string]any{"masteriam": s.Master})
	proxy.Count()
	return s, proxy, front
}

func mustNotLogTokens(t *testing.T, s *localtest.Scene, logins []iamfront.Login) {
	t.Helper()
	for _, login := range logins {
		if _, signature, signed := strings.Cut(login.Token, "X-Amz-Signature="); !signed || strings.Contains(s.Function.Output(), signature) {
			t.Errorf("the token of %s is logged, or is none", login.User)
		}
	}
}
