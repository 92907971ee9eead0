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
)

// newIAMScene has a server behind a front that lets the master in by token only, and no secret of the master's anywhere.
func newIAMScene(t *testing.T, pg *localpg.Server, env map[string]string) (*localtest.Scene, *iamfront.Front) {
	t.Helper()
	s := localtest.New(t, pg, env)
	credentials, err := s.AWS.Config().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	front, err := iamfront.Start(t.Context(), t.TempDir(), iamfront.Options{Backend: address(pg), Users: []string{s.Master},
		Region: localaws.Region, SecretKey: credentials.SecretAccessKey})
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
