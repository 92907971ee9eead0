package rotation_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localtest"
)

// within is how soon a rotation must have told why it cannot log in: Lambda would end it then.
const within = 25 * time.Second

// refusals are secrets whose AWSCURRENT does not log in. Each is told as what it is.
var refusals = []struct {
	name    string
	prepare func(t *testing.T, s *localtest.Scene) map[string]any // gives keys to put in
	text    string
}{
	{"wrong password", keys(map[string]any{"password": "wrong"}), "the server refused this user with this password"},
	{"expired", sql("ALTER ROLE USER VALID UNTIL '2001-01-01'"), "the server refused this user with this password"},
	{"NOLOGIN", sql("ALTER ROLE USER NOLOGIN"), "the password is right, but the role is NOLOGIN"},
	{"role's connection limit", sql("ALTER ROLE USER CONNECTION LIMIT 0"), "the role's CONNECTION LIMIT is reached"},
	{"database missing", keys(map[string]any{"dbname": "missing"}), "the database does not exist"},
	{"database's connection limit", database("CONNECTION LIMIT 0"), "the server has no free connection for this user"},
	{"database not open", database("ALLOW_CONNECTIONS false"), "the database accepts no connections"},
	{"no CONNECT privilege", func(_ *testing.T, s *localtest.Scene) map[string]any {
		s.SQL("CREATE DATABASE "+s.Shared, "REVOKE CONNECT ON DATABASE "+s.Shared+" FROM PUBLIC")
		return map[string]any{"dbname": s.Shared}
	}, "the role may not connect to this database"},
	{"turned away by pg_hba.conf", func(_ *testing.T, s *localtest.Scene) map[string]any {
		s.SQL(`DO $$ BEGIN CREATE ROLE turned_away; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
			"GRANT turned_away TO "+s.A)
		return nil
	}, "the server's pg_hba.conf turned the connection away"},
	{"closed port", func(t *testing.T, _ *localtest.Scene) map[string]any {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		return map[string]any{"host": "127.0.0.1", "port": listener.Addr().(*net.TCPAddr).Port}
	}, "nothing listens on this port (connection refused)"},
	{"silent host", func(t *testing.T, _ *localtest.Scene) map[string]any {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: the kernel does, and nothing answers
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		return map[string]any{"host": "127.0.0.1", "port": listener.Addr().(*net.TCPAddr).Port}
	}, "the connection was accepted, and the login was not over within 5s (timeout): the server is overloaded or waking up"},
	{"unresolvable name", keys(map[string]any{"host": strings.Repeat("x", 63) + ".example"}), "does not resolve"},
	{"private name that looks like a proxy's", keys(map[string]any{"host": "orders.proxy-team.example"}), "does not resolve"},
	{"md5 password where pg_hba.conf wants SCRAM", sql("SET password_encryption = 'md5'; ALTER ROLE USER PASSWORD '" + localtest.PasswordA + "'"),
		"an md5 password where pg_hba.conf wants scram-sha-256"},
	{"password that clients prepare in different ways", func(_ *testing.T, s *localtest.Scene) map[string]any {
		s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD 'first\u00ad™'", s.A))
		return map[string]any{"password": "first\u00ad™"}
	}, "characters other than printable ASCII, as this one has, which clients prepare in different ways"},
	{"RDS Proxy", keys(map[string]any{"host": "app.proxy-abc.us-east-1.rds.amazonaws.com"}), "is an RDS Proxy"},
	{"RDS Proxy, upper case", keys(map[string]any{"host": "APP.PROXY-ABC.us-east-1.rds.amazonaws.com"}), "is an RDS Proxy"},
}

func keys(k map[string]any) func(*testing.T, *localtest.Scene) map[string]any {
	return func(*testing.T, *localtest.Scene) map[string]any { return k }
}

func sql(statement string) func(*testing.T, *localtest.Scene) map[string]any {
	return func(_ *testing.T, s *localtest.Scene) map[string]any {
		s.SQL(strings.ReplaceAll(statement, "USER", s.A))
		return nil
	}
}

func database(with string) func(*testing.T, *localtest.Scene) map[string]any {
	return func(_ *testing.T, s *localtest.Scene) map[string]any {
		s.SQL(fmt.Sprintf("CREATE DATABASE %s WITH %s", s.Shared, with))
		return map[string]any{"dbname": s.Shared}
	}
}

func TestWhyCurrentDoesNotLogIn(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.Function = s.AddFunction("hasty", nil, within)
			s.ArticleRoles("CREATEROLE")
			s.CreateSecret(r.prepare(t, s))
			mustRefuseRotation(t, s, r.text)
		})
	}
}

// What createSecret refuses is stored nowhere.
func TestSecretsThatCannotRotate(t *testing.T) {
	t.Parallel()
	const password = "the-Password-that-nobody-may-see"
	for name, c := range map[string]struct {
		value any
		text  string
	}{
		"no JSON":             {password, "is not a JSON object"},
		"broken JSON":         {`{"username":"u","password":"` + password, "is not a JSON object"},
		"engine mysql":        {map[string]any{"engine": "mysql", "host": "h", "username": "x_a", "password": password}, `"engine" is "mysql"`},
		"password not a text": {map[string]any{"engine": "postgres", "host": "h", "username": "x_a", "password": []string{password}}, `"password" is not a string`},
		"neither of the pair": {map[string]any{"engine": "postgres", "host": "h", "username": "x", "password": password}, `neither X_a nor X_b`},
		"not in usernames": {map[string]any{"engine": "postgres", "host": "h", "username": "x", "password": password, "usernames": []string{"y", "z"}},
			`is not in its key usernames, which names ["y" "z"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.SecretID = s.PutNewSecret("flawed", c.value)
			s.AWS.SetRotationRetries(0, 0)
			err := s.Rotate()
			if err == nil || !strings.Contains(err.Error(), "createSecret") || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v; want createSecret to fail with %q", err, c.text)
			}
			if err != nil && strings.Contains(err.Error()+s.Function.Output(), password) {
				t.Errorf("the secret's text is shown: %v\n%s", err, s.Function.Output())
			}
		})
	}
}

// Users and roles that RDS treats in its own way: the cause is named, where PostgreSQL's own message would not tell.
func TestRDSRoles(t *testing.T) {
	t.Parallel()
	t.Run("rds_iam", func(t *testing.T) {
		t.Parallel()
		s := localtest.New(t, server, nil)
		s.ArticleRoles("CREATEROLE")
		s.SQL(`DO $$ BEGIN CREATE ROLE rds_iam; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
			"CREATE ROLE "+s.Shared+"people IN ROLE rds_iam", "GRANT "+s.Shared+"people TO "+s.B)
		s.CreateSecret(nil)
		mustRefuseRotation(t, s, fmt.Sprintf("user %q is a member of rds_iam, directly or through another role", s.B), "REVOKE rds_iam")
	})
	t.Run("rds_password", func(t *testing.T) {
		t.Parallel()
		s := localtest.New(t, server, nil)
		s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
		s.MustSetup()
		s.SQL(fmt.Sprintf(`CREATE OR REPLACE FUNCTION rotation_%s.set_other_user(verifier text, valid_until timestamptz) RETURNS text
			LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE 'must be a member of rds_password to alter passwords'; END $$`, s.Shared))
		mustRefuseRotation(t, s, "rds.restrict_password_commands is on", "setup makes its owner role one")
	})
	t.Run("shared role missing", func(t *testing.T) {
		t.Parallel()
		s := localtest.New(t, server, nil)
		s.ArticleRoles("CREATEROLE")
		s.CreateSecret(map[string]any{"role": s.Shared + "gone"})
		mustRefuseRotation(t, s, fmt.Sprintf("the shared role %q does not exist: run setup", s.Shared+"gone"))
	})
	t.Run("membership missing", func(t *testing.T) {
		t.Parallel()
		s := localtest.New(t, server, nil)
		s.ArticleRoles("CREATEROLE")
		s.SQL(fmt.Sprintf("REVOKE %s FROM %s", s.Shared, s.B))
		s.CreateSecret(nil)
		mustRefuseRotation(t, s, fmt.Sprintf(`GRANT "%s" TO "%s"`, s.Shared, s.B))
	})
}

// The name in a secret can be anybody's role: nobody is told to grant it.
func TestStrangersRoleIsNotToBeGranted(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.SQL("CREATE ROLE " + s.Shared + "person LOGIN")
	s.CreateSecret(map[string]any{"role": s.Shared + "person"})
	mustRefuseRotation(t, s, "nothing shows that")
	if err := s.Rotate(); err == nil || strings.Contains(err.Error(), "GRANT") {
		t.Errorf("the error is %v", err)
	}
}
