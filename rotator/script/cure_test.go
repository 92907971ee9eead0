package script_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/script"
)

// cure is a statement in the state that provokes it: healed is false before, and true afterwards.
type cure struct {
	provoke   []string // as the master
	statement func(version int) script.Statement
	healed    func(h *hostile) bool
}

// Names that a careless quoting would let out.
const (
	user    = "u\"ser's\n\\! \\g |sh\x1b; :user"
	partner = `user -- "b"`
	shared  = `the 'app' \ $$ "` + "\u202e"
	people  = `people`
	place   = "da'ta\"base\n"
)

// cures has every constructor of a statement in this package, by its name.
var cures = map[string]cure{
	"Unlock": {
		[]string{"ALTER ROLE " + ident(user) + " NOLOGIN"},
		func(int) script.Statement { return script.Unlock(user) },
		func(h *hostile) bool { return h.logsIn(user, home) == user },
	},
	"Lock": {
		nil,
		func(int) script.Statement { return script.Lock(user) },
		func(h *hostile) bool { return h.logsIn(user, home) == "" },
	},
	"LiftConnectionLimit": {
		[]string{"ALTER ROLE " + ident(user) + " CONNECTION LIMIT 0"},
		func(int) script.Statement { return script.LiftConnectionLimit(user) },
		func(h *hostile) bool { return h.logsIn(user, home) == user },
	},
	// CONNECT of a group does not let a user in that does not inherit from it.
	"AllowConnect": {
		[]string{"CREATE DATABASE " + ident(place), "REVOKE CONNECT ON DATABASE " + ident(place) + " FROM PUBLIC", "ALTER ROLE " + ident(user) + " NOINHERIT",
			"CREATE ROLE " + people, "GRANT CONNECT ON DATABASE " + ident(place) + " TO " + people, "GRANT " + people + " TO " + ident(user)},
		func(int) script.Statement { return script.AllowConnect(place, user, partner) },
		func(h *hostile) bool { return h.logsIn(user, place) == user && h.logsIn(partner, place) == partner },
	},
	"Join": {
		[]string{"CREATE ROLE " + ident(shared), "ALTER ROLE " + ident(user) + " SET role = " + literal(shared)},
		func(version int) script.Statement { return script.Join(version, shared, user) },
		func(h *hostile) bool { return h.logsIn(user, home) == shared },
	},
	"BecomeAtLogin": {
		[]string{"CREATE ROLE " + ident(shared), "GRANT " + ident(shared) + " TO " + ident(user)},
		func(int) script.Statement { return script.BecomeAtLogin(user, shared) },
		func(h *hostile) bool { return h.logsIn(user, home) == shared },
	},
	"ForgetRoleIn": {
		[]string{"CREATE ROLE " + ident(shared), "CREATE ROLE " + people, "GRANT " + ident(shared) + ", " + people + " TO " + ident(user), "CREATE DATABASE " + ident(place),
			"ALTER ROLE " + ident(user) + " SET role = " + literal(shared), "ALTER ROLE " + ident(user) + " IN DATABASE " + ident(place) + " SET role = " + people},
		func(int) script.Statement { return script.ForgetRoleIn(place, user) },
		func(h *hostile) bool { return h.logsIn(user, place) == shared },
	},
	"LeaveIAM": {
		[]string{"GRANT rds_iam TO " + ident(user) + ", " + ident(partner)},
		func(int) script.Statement { return script.LeaveIAM(user, partner) },
		func(h *hostile) bool { return !h.member(user, "rds_iam") && !h.member(partner, "rds_iam") },
	},
	"LeaveSuperuser": {
		[]string{"GRANT rds_superuser TO " + ident(user)},
		func(int) script.Statement { return script.LeaveSuperuser(user) },
		func(h *hostile) bool { return !h.member(user, "rds_superuser") },
	},
	"AllowPasswords": {
		nil,
		func(int) script.Statement { return script.AllowPasswords(user) },
		func(h *hostile) bool { return h.member(user, "rds_password") },
	},
	"CreateShared": {
		nil,
		func(int) script.Statement { return script.CreateShared(shared) },
		func(h *hostile) bool {
			return ask[bool](h, home, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND NOT rolcanlogin)", shared)
		},
	},
	"CreateUser": {
		[]string{"DROP ROLE " + ident(user)},
		func(int) script.Statement { return script.CreateUser(user) },
		func(h *hostile) bool {
			return ask[bool](h, home, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin)", user)
		},
	},
	// From 16 on CREATEROLE is not enough, and before it is all that there is.
	"AllowAlter": {
		[]string{"DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN ALTER ROLE " + ident(user) + " CREATEROLE; END IF; END $$"},
		func(version int) script.Statement { return script.AllowAlter(version, user, partner) },
		func(h *hostile) bool {
			conn := h.connect(user, password, home)
			defer conn.Close(h.t.Context())
			_, err := conn.Exec(h.t.Context(), "ALTER ROLE "+ident(partner)+" CONNECTION LIMIT 7")
			return err == nil
		},
	},
	"KeepAdmin": {
		nil,
		func(int) script.Statement { return script.KeepAdmin(user, partner) },
		func(h *hostile) bool {
			return ask[bool](h, home, "SELECT pg_has_role($1::text::name, $2::text::name, 'MEMBER WITH ADMIN OPTION')", user, partner)
		},
	},
	"MarkTwin": {
		nil,
		func(int) script.Statement { return script.MarkTwin(user, partner) },
		func(h *hostile) bool {
			return ask[string](h, home, "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = $1", user) == script.TwinComment(partner)
		},
	},
}

// elsewhere are the scripts, by the test that runs them in a hostile database.
var elsewhere = map[string]string{"Clear": "clears", "Remake": "remakes", "RenameDatabase": "renames"}

func allCures(t *testing.T, h *hostile) {
	for _, name := range slices.Sorted(maps.Keys(cures)) {
		t.Run(name, func(t *testing.T) { h.in(t).heals(cures[name]) })
	}
	t.Run("RenameDatabase", func(t *testing.T) { h.in(t).renames() })
	t.Run("Join where the membership does not let the user become it", func(t *testing.T) {
		if h.server.Major() < 16 {
			t.Skip("memberships have no such option")
		}
		without := cures["Join"]
		without.provoke = append(slices.Clone(without.provoke), "GRANT "+ident(shared)+" TO "+ident(user)+" WITH SET FALSE, INHERIT FALSE")
		h.in(t).heals(without)
	})
}

// renames gives a database a name that any log can carry.
func (h *hostile) renames() {
	h.t.Helper()
	h.as(master, home, "CREATE DATABASE "+ident(place))
	oid := ask[int64](h, home, "SELECT oid::int8 FROM pg_database WHERE datname = $1::text::name", place)
	h.paste(lure, string(script.RenameDatabase(oid)))
	named := ask[string](h, home, "SELECT datname::text FROM pg_database WHERE oid = $1::int8::oid", oid)
	h.super("postgres", "DROP DATABASE "+ident(named))
	if want := fmt.Sprintf("renamed_%d", oid); named != want {
		h.t.Errorf("the database is called %q, want %q", named, want)
	}
}

func (h *hostile) heals(c cure) {
	h.t.Helper()
	h.as(master, home, "CREATE ROLE "+ident(user)+" LOGIN PASSWORD '"+password+"'", "CREATE ROLE "+ident(partner)+" LOGIN PASSWORD '"+password+"'")
	defer h.tidy()
	h.as(master, home, c.provoke...)
	if c.healed(h) {
		h.t.Fatal("nothing is to be healed")
	}
	statement := c.statement(h.server.Major() * 10000)
	h.paste(lure, string(statement))
	if !c.healed(h) {
		h.t.Errorf("%s heals nothing", statement)
	}
}

// tidy removes what a cure's state was made of.
func (h *hostile) tidy() {
	h.super("postgres", "DROP DATABASE IF EXISTS "+ident(place))
	for _, role := range []string{user, partner, shared, people} {
		h.super("postgres", "DROP ROLE IF EXISTS "+ident(role))
	}
}

// logsIn tells whom a user becomes at login, "" where it does not get in.
func (h *hostile) logsIn(user, database string) string {
	h.t.Helper()
	printed, err := h.psqlAs(user, database, `\pset format unaligned`+"\n"+`\pset tuples_only on`+"\nSELECT pg_catalog.to_json(CURRENT_USER::pg_catalog.text);", "PGCLIENTENCODING=UTF8")
	if err != nil {
		return ""
	}
	var became string
	if err := json.Unmarshal([]byte(printed[strings.LastIndex(strings.TrimSpace(printed), "\n")+1:]), &became); err != nil {
		h.t.Fatalf("%v: %s", err, printed)
	}
	return became
}

func (h *hostile) member(user, role string) bool {
	h.t.Helper()
	return ask[bool](h, home, "SELECT pg_has_role($1::text::name, $2, 'MEMBER')", user, role)
}

// A statement that no test has run must not be shown to anybody.
func TestEveryStatementIsRun(t *testing.T) {
	t.Parallel()
	constructors, tests := functions(t, "*.go", "Statement"), functions(t, "*_test.go", "")
	for _, name := range constructors {
		if _, cured := cures[name]; !cured && !slices.Contains(tests, elsewhere[name]) {
			t.Errorf("script.%s is in no test that runs it", name)
		}
	}
	for name := range cures {
		if !slices.Contains(constructors, name) {
			t.Errorf("there is no script.%s", name)
		}
	}
}

// functions lists the exported functions of this folder's files that return that type or a list of it; "" lists every function.
func functions(t *testing.T, pattern, result string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && (result == "" || f.Recv == nil && f.Name.IsExported() && returns(f, result)) {
				names = append(names, f.Name.Name)
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s has no function", pattern)
	}
	return names
}

func returns(f *ast.FuncDecl, result string) bool {
	if f.Type.Results == nil || len(f.Type.Results.List) == 0 {
		return false
	}
	kind := f.Type.Results.List[0].Type
	if list, ok := kind.(*ast.ArrayType); ok {
		kind = list.Elt
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.Name == result
}
