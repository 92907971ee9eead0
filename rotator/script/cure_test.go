package script_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
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

// changing are the statements that make nothing, and grant nothing that whom the master may have become could. The rest does the same where
// whoever logs in becomes another role.
var changing = []string{"Join", "Unlock", "Lock", "LiftConnectionLimit", "BecomeAtLogin", "ForgetRoleIn", "LeaveIAM", "LeaveSuperuser", "MarkTwin"}

// names are the roles and the database that statements are about.
type names struct{ user, partner, shared, people, place string }

// careful are names that a careless quoting would let out.
var careful = names{
	user:    "u\"ser's\n\\! \\g |sh\x1b; :user",
	partner: `user -- "b"`,
	shared:  `the 'app' \ $$ "` + "\u202e",
	people:  `people`,
	place:   "da'ta\"base\n",
}

// randomNames are roles and a database of any names.
func randomNames(r *rand.Rand) names {
	numbered := func(i int) string { return fmt.Sprint(i) + adversarial(r, 40) }
	return names{user: numbered(1), partner: numbered(2), shared: numbered(3), people: numbered(4), place: numbered(5)}
}

// curesOf has every constructor of a statement in this package, by its name.
func curesOf(n names) map[string]cure {
	return map[string]cure{
		"Unlock": {
			[]string{"ALTER ROLE " + ident(n.user) + " NOLOGIN"},
			func(int) script.Statement { return script.Unlock(n.user) },
			func(h *hostile) bool { return h.logsIn(n.user, home) == n.user },
		},
		"Lock": {
			nil,
			func(int) script.Statement { return script.Lock(n.user) },
			func(h *hostile) bool { return h.logsIn(n.user, home) == "" },
		},
		"LiftConnectionLimit": {
			[]string{"ALTER ROLE " + ident(n.user) + " CONNECTION LIMIT 0"},
			func(int) script.Statement { return script.LiftConnectionLimit(n.user) },
			func(h *hostile) bool { return h.logsIn(n.user, home) == n.user },
		},
		// CONNECT of a group does not let a n.user in that does not inherit from it.
		"AllowConnect": {
			[]string{"CREATE DATABASE " + ident(n.place), "REVOKE CONNECT ON DATABASE " + ident(n.place) + " FROM PUBLIC", "ALTER ROLE " + ident(n.user) + " NOINHERIT",
				"CREATE ROLE " + ident(n.people), "GRANT CONNECT ON DATABASE " + ident(n.place) + " TO " + ident(n.people), "GRANT " + ident(n.people) + " TO " + ident(n.user)},
			func(int) script.Statement { return script.AllowConnect(n.place, n.user, n.partner) },
			func(h *hostile) bool {
				return h.logsIn(n.user, n.place) == n.user && h.logsIn(n.partner, n.place) == n.partner
			},
		},
		"Join": {
			[]string{"CREATE ROLE " + ident(n.shared), "ALTER ROLE " + ident(n.user) + " SET role = " + literal(n.shared)},
			func(version int) script.Statement { return script.Join(version, n.shared, n.user) },
			func(h *hostile) bool { return h.logsIn(n.user, home) == n.shared },
		},
		"BecomeAtLogin": {
			[]string{"CREATE ROLE " + ident(n.shared), "GRANT " + ident(n.shared) + " TO " + ident(n.user)},
			func(int) script.Statement { return script.BecomeAtLogin(n.user, n.shared) },
			func(h *hostile) bool { return h.logsIn(n.user, home) == n.shared },
		},
		"ForgetRoleIn": {
			[]string{"CREATE ROLE " + ident(n.shared), "CREATE ROLE " + ident(n.people), "GRANT " + ident(n.shared) + ", " + ident(n.people) + " TO " + ident(n.user), "CREATE DATABASE " + ident(n.place),
				"ALTER ROLE " + ident(n.user) + " SET role = " + literal(n.shared), "ALTER ROLE " + ident(n.user) + " IN DATABASE " + ident(n.place) + " SET role = " + ident(n.people)},
			func(int) script.Statement { return script.ForgetRoleIn(n.place, n.user) },
			func(h *hostile) bool { return h.logsIn(n.user, n.place) == n.shared },
		},
		"LeaveIAM": {
			[]string{"GRANT rds_iam TO " + ident(n.user) + ", " + ident(n.partner)},
			func(int) script.Statement { return script.LeaveIAM(n.user, n.partner) },
			func(h *hostile) bool { return !h.member(n.user, "rds_iam") && !h.member(n.partner, "rds_iam") },
		},
		"LeaveSuperuser": {
			[]string{"GRANT rds_superuser TO " + ident(n.user)},
			func(int) script.Statement { return script.LeaveSuperuser(n.user) },
			func(h *hostile) bool { return !h.member(n.user, "rds_superuser") },
		},
		"AllowPasswords": {
			nil,
			func(int) script.Statement { return script.AllowPasswords(n.user) },
			func(h *hostile) bool { return h.member(n.user, "rds_password") },
		},
		"CreateShared": {
			nil,
			func(int) script.Statement { return script.CreateShared(n.shared) },
			func(h *hostile) bool {
				return ask[bool](h, home, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND NOT rolcanlogin)", n.shared)
			},
		},
		"CreateUser": {
			[]string{"DROP ROLE " + ident(n.user)},
			func(int) script.Statement { return script.CreateUser(n.user) },
			func(h *hostile) bool {
				return ask[bool](h, home, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin)", n.user)
			},
		},
		// From 16 on CREATEROLE is not enough, and before it is all that there is.
		"AllowAlter": {
			[]string{"DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN ALTER ROLE " + ident(n.user) + " CREATEROLE; END IF; END $$"},
			func(version int) script.Statement { return script.AllowAlter(version, n.user, n.partner) },
			func(h *hostile) bool {
				conn := h.connect(n.user, password, home)
				defer conn.Close(h.t.Context())
				_, err := conn.Exec(h.t.Context(), "ALTER ROLE "+ident(n.partner)+" CONNECTION LIMIT 7")
				return err == nil
			},
		},
		"KeepAdmin": {
			nil,
			func(int) script.Statement { return script.KeepAdmin(n.user, n.partner) },
			func(h *hostile) bool {
				return ask[bool](h, home, "SELECT pg_has_role($1::text::name, $2::text::name, 'MEMBER WITH ADMIN OPTION')", n.user, n.partner)
			},
		},
		"GiveCreateRole": {
			nil,
			func(int) script.Statement { return script.GiveCreateRole(n.user) },
			func(h *hostile) bool {
				return ask[bool](h, home, "SELECT rolcreaterole FROM pg_roles WHERE rolname = $1", n.user)
			},
		},
		"MarkTwin": {
			nil,
			func(int) script.Statement { return script.MarkTwin(n.user, n.partner) },
			func(h *hostile) bool {
				return ask[string](h, home, "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = $1", n.user) == script.TwinComment(n.partner)
			},
		},
	}
}

// elsewhere are the scripts, by the test that runs them in a hostile database.
var elsewhere = map[string]string{"Clear": "clears", "Remake": "remakes", "Adopt": "adopts", "RenameDatabase": "renames", "RecordSecret": "records"}

func allCures(t *testing.T, h *hostile) {
	for name, cure := range curesOf(careful) {
		t.Run(name, func(t *testing.T) { h.in(t).heals(careful, name, cure) })
	}
	if h.server.Major() == server.Major() {
		t.Run("any names", func(t *testing.T) { anyNames(h.in(t)) })
	}
	t.Run("RenameDatabase", func(t *testing.T) { h.in(t).renames() })
	t.Run("RecordSecret", func(t *testing.T) { h.in(t).records(careful.shared, "arn:aws:"+careful.user) })
	t.Run("Join where the membership does not let the user become it", func(t *testing.T) {
		if h.server.Major() < 16 {
			t.Skip("memberships have no such option")
		}
		without := curesOf(careful)["Join"]
		without.provoke = append(without.provoke, "GRANT "+ident(careful.shared)+" TO "+ident(careful.user)+" WITH SET FALSE, INHERIT FALSE")
		h.in(t).heals(careful, "Join", without)
	})
}

// renames gives a database a name that any log can carry.
func (h *hostile) renames() {
	h.t.Helper()
	h.as(master, home, "CREATE DATABASE "+ident(careful.place))
	oid := ask[int64](h, home, "SELECT oid::int8 FROM pg_database WHERE datname = $1::text::name", careful.place)
	h.paste(lure, string(script.RenameDatabase(oid)))
	named := ask[string](h, home, "SELECT datname::text FROM pg_database WHERE oid = $1::int8::oid", oid)
	h.super("postgres", "DROP DATABASE "+ident(named))
	if want := fmt.Sprintf("renamed_%d", oid); named != want {
		h.t.Errorf("the database is called %q, want %q", named, want)
	}
}

// records says which secret a pair is of, in the schema of an owner role as setup leaves it: the master may become that role up to 15, and
// holds ADMIN alone from 16 on, before and after.
func (h *hostile) records(owner, arn string) {
	h.t.Helper()
	h.as(master, home, "CREATE ROLE "+ident(owner))
	if h.server.Major() < 16 {
		h.as(master, home, "GRANT "+ident(owner)+" TO CURRENT_USER WITH ADMIN OPTION")
	}
	h.super(masked, "CREATE SCHEMA "+ident(owner)+" AUTHORIZATION "+ident(owner))
	h.paste(masked, string(script.RecordSecret(h.server.Major()*10000, owner, arn)))
	if got := ask[string](h, masked, "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1", owner); got != "pgrotator: secret "+arn {
		h.t.Errorf("the schema's comment is %q", got)
	}
	if inherits := ask[bool](h, home, "SELECT pg_has_role($1, $2::text::name, 'USAGE')", master, owner); inherits != (h.server.Major() < 16) {
		h.t.Errorf("the master inherits from the owner role: %v", inherits)
	}
	h.maskGained()
	h.super(masked, "DROP OWNED BY "+ident(owner), "DROP ROLE "+ident(owner))
}

// anyNames takes each cure through names that nobody chose.
func anyNames(h *hostile) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, name := range slices.Sorted(maps.Keys(curesOf(careful))) {
		n := randomNames(r)
		h.t.Run(name, func(t *testing.T) { h.in(t).heals(n, name, curesOf(n)[name]) })
	}
}

func (h *hostile) heals(n names, name string, c cure) {
	h.t.Helper()
	h.as(master, home, "CREATE ROLE "+ident(n.user)+" LOGIN PASSWORD '"+password+"'", "CREATE ROLE "+ident(n.partner)+" LOGIN PASSWORD '"+password+"'")
	defer h.tidy(n)
	h.as(master, home, c.provoke...)
	if c.healed(h) {
		h.t.Fatal("nothing is to be healed")
	}
	statement := c.statement(h.server.Major() * 10000)
	place := masked
	if slices.Contains(changing, name) {
		place = lure
	}
	h.paste(place, string(statement))
	h.maskGained()
	if !c.healed(h) {
		h.t.Errorf("%s heals nothing", statement)
	}
}

// tidy removes what a cure's state was made of.
func (h *hostile) tidy(n names) {
	h.super("postgres", "DROP DATABASE IF EXISTS "+ident(n.place))
	for _, role := range []string{n.user, n.partner, n.shared, n.people} {
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
	constructors, tests, cures := functions(t, "*.go", "Statement"), functions(t, "*_test.go", ""), curesOf(careful)
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
