package rotation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

// The arrangements of roles that rotate, or are refused, on every major.
func TestMatrixOfWays(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		for name, scenario := range map[string]func(*testing.T, *localpg.Server){
			"CREATEROLE on the shared role":              createroleOnTheSharedRole,
			"article's roles after setup":                articleRolesAfterSetup,
			"article's roles through masterarn":          articleRolesThroughMaster,
			"nothing but a secret before setup":          nothingBeforeSetup,
			"two pairs in one database":                  twoPairs,
			"no way at all":                              noWayAtAll,
			"password_encryption md5":                    md5,
			"single user adopted":                        singleUserAdopted,
			"named pair without a shared role, directly": namedPairWithoutRole,
			"lies about options of memberships":          liesAboutOptions,
		} {
			t.Run(name, func(t *testing.T) { scenario(t, pg) })
		}
		if pg.Major() == 15 || pg.Major() == 18 { // quoting does not depend on the major, the GRANTs of 16 on do
			t.Run("names", func(t *testing.T) { anyNames(t, pg) })
		}
	})
}

// Without any master secret, from the first rotation; from 16 on CREATEROLE is not enough.
func createroleOnTheSharedRole(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(nil)
	if pg.Major() >= 16 {
		mustRefuseRotation(t, s, fmt.Sprintf("direct: %q may not ALTER it", s.Shared))
		return
	}
	rotateAndCheck(t, s, 4)
}

func articleRolesAfterSetup(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	arn := s.CreateMaster()
	s.ArticleRoles("")
	s.CreateSecret(map[string]any{"masterarn": arn})
	s.MustSetup()
	s.PutCurrent(s.Value(nil)) // the master's secret is not needed again
	rotateAndCheck(t, s, 3)
}

func articleRolesThroughMaster(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	arn := s.CreateMaster()
	s.ArticleRoles("")
	s.CreateSecret(map[string]any{"masterarn": arn})
	rotateAndCheck(t, s, 3)
}

func nothingBeforeSetup(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.MustSetup()
	s.PutCurrent(s.Value(nil))
	rotateAndCheck(t, s, 3)
}

// Each pair rotates; neither reaches the other's function, and where a DBA let it, the function itself refuses.
func twoPairs(t *testing.T, pg *localpg.Server) {
	one, two := localtest.New(t, pg, nil), localtest.New(t, pg, nil)
	one.CreateSecret(map[string]any{"masterarn": one.CreateMaster()})
	two.Master, two.Database = one.Master, one.Database
	two.CreateSecret(map[string]any{
		"masterarn": two.PutMaster("master", two.Master)})
	one.MustSetup()
	two.MustSetup()
	rotateAndCheck(t, one, 2)
	rotateAndCheck(t, two, 2)

	before := two.Verifiers()
	call := fmt.Sprintf("SELECT rotation_%s.set_other_user('md5%s', 'infinity')", two.Shared, strings.Repeat("0", 32))
	mustRefuseSQL(t, one, one.Credential("AWSCURRENT"), call, "permission denied for schema")
	one.SQL(fmt.Sprintf("GRANT USAGE ON SCHEMA rotation_%s TO %s", two.Shared, one.Shared),
		fmt.Sprintf("GRANT EXECUTE ON FUNCTION rotation_%s.set_other_user TO %s", two.Shared, one.Shared))
	mustRefuseSQL(t, one, one.Credential("AWSCURRENT"), call, "only the two users of the pair set each other")
	if after := two.Verifiers(); after != before {
		t.Errorf("the other pair was\n%s\nand is\n%s", before, after)
	}
}

// mustRefuseSQL runs a statement as a credential's user, which must not have the privilege.
func mustRefuseSQL(t *testing.T, s *localtest.Scene, c localtest.Credential, statement, want string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.PG.URL(c.Username, c.Password, s.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), statement)
	refusal := new(pgconn.PgError)
	if !errors.As(err, &refusal) || refusal.Code != "42501" || !strings.Contains(refusal.Message, want) {
		t.Errorf("%s: %v; want 42501 and %q", statement, err, want)
	}
}

func noWayAtAll(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	s.ArticleRoles("")
	s.CreateSecret(nil)
	mustRefuseRotation(t, s, fmt.Sprintf("no way to set the password of user %q", s.B), "run setup", "masterarn")
}

// mustRefuseRotation wants setSecret to fail with every one of the texts and to have changed neither a role nor AWSCURRENT.
func mustRefuseRotation(t *testing.T, s *localtest.Scene, texts ...string) {
	t.Helper()
	mustRefuse(t, s, "setSecret", s.Rotate, append(texts, s.SecretID)...)
}

// mustRefuse wants act to fail in a step, "" = wherever, with every one of the texts, having changed neither a role nor AWSCURRENT.
func mustRefuse(t *testing.T, s *localtest.Scene, step string, act func() error, texts ...string) {
	t.Helper()
	s.AWS.SetRotationRetries(0, 0)
	verifiers, current := s.Verifiers(), s.ReadSecret("AWSCURRENT")
	err := act()
	if err == nil {
		t.Fatalf("nothing was refused; want %q", texts)
	}
	for _, text := range append(texts, step) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error is\n  %v\nwithout %q", err, text)
		}
	}
	if after := s.Verifiers(); after != verifiers {
		t.Errorf("the roles were\n%s\nand are\n%s", verifiers, after)
	}
	if after := s.ReadSecret("AWSCURRENT"); after != current {
		t.Error("AWSCURRENT was changed")
	}
}

// A server that keeps md5 for old clients: what is stored is md5, and the pair logs in with it.
func md5(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	s.SQL(`DO $$ BEGIN CREATE ROLE md5_clients; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
	arn := s.CreateMaster()
	s.SQL(fmt.Sprintf("ALTER ROLE %s SET password_encryption = 'md5'", s.Master))
	s.ArticleRoles("")
	s.SQL(fmt.Sprintf("GRANT md5_clients TO %s", s.Shared),
		fmt.Sprintf("ALTER ROLE %s SET password_encryption = 'md5'", s.A),
		fmt.Sprintf("ALTER ROLE %s SET password_encryption = 'md5'", s.B))
	s.CreateSecret(map[string]any{"masterarn": arn})
	s.MustSetup()
	rotateAndCheck(t, s, 2)
	var stored []string
	s.Ask("SELECT array_agg(left(rolpassword, 3)) FROM pg_authid WHERE rolname IN ($1, $2)", []any{s.A, s.B}, &stored)
	if fmt.Sprint(stored) != "[md5 md5]" {
		t.Errorf("stored is %v; want two md5 hashes", stored)
	}
}

// A user that has worked alone so far gets a partner and a shared role from setup.
func singleUserAdopted(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	arn := s.CreateMaster()
	s.A, s.B, s.Shared = s.Shared+"batch", s.Shared+"batch2", s.Shared+"batchrole"
	s.SQLAs(pg.URL(s.Master, localtest.PasswordMaster, s.Database),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.A, localtest.PasswordA))
	s.CreateSecret(map[string]any{"masterarn": arn, "usernames": []string{s.A, s.B}, "role": s.Shared})
	s.MustSetup()
	rotateAndCheck(t, s, 3)
}

// A pair in usernames whose users do not become any role: each is itself. Set directly, where the users have CREATEROLE.
func namedPairWithoutRole(t *testing.T, pg *localpg.Server) {
	s := localtest.New(t, pg, nil)
	s.A, s.B = s.Shared+"red", s.Shared+"blue"
	s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN CREATEROLE PASSWORD '%s'", s.A, localtest.PasswordA),
		fmt.Sprintf("CREATE ROLE %s NOLOGIN CREATEROLE", s.B))
	s.CreateSecret(map[string]any{"usernames": []string{s.A, s.B}})
	if pg.Major() >= 16 {
		mustRefuseRotation(t, s, fmt.Sprintf("direct: %q may not ALTER it", s.A))
		return
	}
	for range 2 {
		if err := s.Rotate(); err != nil {
			t.Fatal(err)
		}
		current := s.Credential("AWSCURRENT")
		if became, err := s.Login(current); err != nil || became != current.Username {
			t.Errorf("%s logs in and is %q, error %v", current.Username, became, err)
		}
	}
}

// Names that would break a statement put together without quoting, and the longest: setup, the function and the master each
// put them into SQL.
func anyNames(t *testing.T, pg *localpg.Server) {
	for name, base := range map[string]string{
		"quotes":              `o'h"a\`,
		"spaces":              `two  words `,
		"upper case":          `MixedCase`,
		"non-ASCII":           `größe_日本`,
		"SQL":                 `x"; DROP ROLE postgres; --`,
		"format":              `%I %L %% $1 $$ :"user"`,
		"63 bytes":            strings.Repeat("x", 61),
		"63 bytes, non-ASCII": strings.Repeat("ü", 30) + "y",
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("by the function", func(t *testing.T) {
				s := newNamedScene(t, pg, base)
				s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
				s.MustSetup()
				rotateAndCheck(t, s, 2)
				dropPair(s)
			})
			t.Run("by the master and the user itself", func(t *testing.T) {
				s := newNamedScene(t, pg, base)
				arn := s.CreateMaster()
				s.ArticleRoles("")
				s.SQL("DROP ROLE " + localtest.Ident(s.B))
				s.CreateSecret(map[string]any{"masterarn": arn})
				rotateAndCheck(t, s, 2)
			})
		})
	}
}

func newNamedScene(t *testing.T, pg *localpg.Server, base string) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, pg, nil)
	s.Shared, s.A, s.B = base, base+"_a", base+"_b"
	return s
}

// dropPair makes the names free again.
func dropPair(s *localtest.Scene) {
	a, b, shared := localtest.Ident(s.A), localtest.Ident(s.B), localtest.Ident(s.Shared)
	s.SQL(fmt.Sprintf("DROP OWNED BY %s, %s, %s", a, b, shared), fmt.Sprintf("DROP ROLE %s, %s, %s", a, b, shared))
}
