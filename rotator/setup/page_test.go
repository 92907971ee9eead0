package setup_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// page is a section of this room's page: its blocks in their order.
type page struct {
	t      *testing.T
	blocks []block
}

type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// section reads the blocks under a heading.
func section(t *testing.T, heading string) *page {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut("\n"+string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("the page has no section %q", heading)
	}
	within, _, _ := strings.Cut(after, "\n## ")
	p := &page{t: t}
	for _, match := range fence.FindAllStringSubmatch(within, -1) {
		p.blocks = append(p.blocks, block{match[1], match[2]})
	}
	return p
}

// next takes the next block of a language, with the page's names put in the words of a scene.
func (p *page) next(language string, names *strings.Replacer) string {
	p.t.Helper()
	if len(p.blocks) == 0 || p.blocks[0].language != language {
		p.t.Fatalf("the section has %v left, want a block of %s", p.blocks, language)
	}
	text := names.Replace(p.blocks[0].text)
	p.blocks = p.blocks[1:]
	return text
}

// json takes the next block of JSON.
func (p *page) json(names *strings.Replacer) map[string]any {
	p.t.Helper()
	var keys map[string]any
	if err := json.Unmarshal([]byte(p.next("json", names)), &keys); err != nil {
		p.t.Fatal(err)
	}
	return keys
}

// words puts a scene's names in the place of the page's.
func words(s *localtest.Scene, app, owner string) *strings.Replacer {
	return strings.NewReplacer("app_owner", owner, "app_clone", app+"_clone", "app_a", app+"_a", "app_b", app+"_b", `"app"`, `"`+app+`"`, "'app'", "'"+app+"'",
		" app ", " "+app+" ", " app;", " "+app+";", "<arn>", s.SecretID, "TO master", "TO "+localtest.Ident(s.Master))
}

// put adds keys of the page to what AWSCURRENT holds; a masterarn is the scene's.
func put(t *testing.T, s *localtest.Scene, keys map[string]any, masterARN string) {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(s.ReadSecret("AWSCURRENT")), &value); err != nil {
		t.Fatal(err)
	}
	maps.Copy(value, keys)
	if _, named := keys["masterarn"]; named {
		value["masterarn"] = masterARN
	}
	s.PutCurrent(value)
}

// send has the function answer an event of the page.
func send(t *testing.T, s *localtest.Scene, event map[string]any) {
	t.Helper()
	if answer, err := s.Invoke(event); err != nil || strings.Contains(answer, `"ok":false`) {
		t.Fatalf("%v: %s, error %v", event, answer, err)
	}
}

// mustCheck sends the event with which each path ends.
func mustCheck(t *testing.T, s *localtest.Scene) {
	t.Helper()
	send(t, s, section(t, "# Adopting it").json(words(s, s.A, s.Shared)))
}

// shell runs a block of shell at the project's root, where psql's connection strings are the scene's.
func (p *page) shell(s *localtest.Scene, script string, databases map[string]string) string {
	p.t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		p.t.Skip("psql is not on this machine")
	}
	for named, database := range databases {
		script = strings.ReplaceAll(script, "host=… dbname="+named+" user=master", s.PG.URL(s.Master, localtest.PasswordMaster, database))
	}
	command := exec.CommandContext(p.t.Context(), "sh", "-ec", script)
	command.Dir = "../.."
	out, err := command.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// Each path of the page, from its own text; those that adopt are TestPageOfAdoption's.
func TestPageOfANewPair(t *testing.T) {
	t.Parallel()
	p := section(t, "## A new pair")
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.CreateSecret(nil)
	names := words(s, s.Shared, "")
	keys := p.json(names)
	maps.Copy(keys, map[string]any{"host": s.Host, "port": s.Port, "dbname": s.Database, "password": localtest.PasswordA})
	put(t, s, keys, arn)
	send(t, s, p.json(names))
	mustRotate(t, s)
	mustCheck(t, s)
}

func TestPageOfANewPairByPsql(t *testing.T) {
	t.Parallel()
	p := section(t, "## Without any superuser or master secret")
	s := localtest.New(t, server, nil)
	s.CreateMaster()
	asMaster(s, login(s.A))
	s.CreateSecret(nil)
	p.shell(s, p.next("sh", words(s, s.Shared, "")), map[string]string{"orders": s.Database})
	mustRotate(t, s)
	mustCheck(t, s)
}

// path is how the page has an estate adopted.
type path struct {
	heading string
	clone   bool
	follow  func(e *estate, p *page)
}

var paths = []path{
	{"## An existing single user", false, byEvent},
	{"## From AWS's multi-user function (`app` and `app_clone`)", true, byEvent},
	{"## Without any superuser or master secret", false, byPsql},
}

func byEvent(e *estate, p *page) {
	names := words(e.Scene, e.A, e.Shared)
	put(e.t, e.Scene, p.json(names), e.masterARN)
	e.grantAdmin(names)
	send(e.t, e.Scene, p.json(names))
}

// grantAdmin has whoever made the users give the master what the page's section on 16 says.
func (e *estate) grantAdmin(names *strings.Replacer) {
	e.t.Helper()
	if e.PG.Major() < 16 {
		return
	}
	event := map[string]any{"action": "setup", "secretId": e.SecretID, "adopt": true}
	if _, err := e.Invoke(event); err == nil || !strings.Contains(err.Error(), "permission denied to grant role") {
		e.t.Errorf("a master without ADMIN on the users adopts them: %v", err)
	}
	grant := section(e.t, "## PostgreSQL 16 and later").next("sql", names)
	e.SQLAs(e.PG.URL(e.maker, "maker", e.Database), grant)
	if e.clone {
		e.SQLAs(e.PG.URL(e.maker, "maker", e.Database), strings.Replace(grant, "GRANT "+e.A, "GRANT "+e.B, 1))
	}
}

func byPsql(e *estate, p *page) {
	names := words(e.Scene, e.A, e.Shared)
	p.next("sh", names) // of a new pair
	if e.PG.Major() >= 16 {
		e.SQLAs(e.PG.URL(e.maker, "maker", e.Database), section(e.t, "## PostgreSQL 16 and later").next("sql", names))
	}
	databases := map[string]string{"orders": e.Database, "billing": e.databases[1]}
	script := p.next("sh", names)
	// The other database comes first: without it nothing is changed in how the users log in.
	out, err := psqlSetup(e.t, e.PG.URL(e.Master, localtest.PasswordMaster, e.Database), e.all("SET pgrotator.username = '{app}'", "SET pgrotator.partner = '{clone}'",
		"SET pgrotator.role = '{owner}'", "SET pgrotator.adopt = 'on'")...)
	if err == nil || !strings.Contains(out, "the users still own objects or hold grants in "+e.databases[1]) {
		e.t.Errorf("setup.sql before adopt.sql: %v\n%s", err, out)
	}
	p.shell(e.Scene, script, databases)
	// A session of the user's from before may be between making its table and dropping it.
	again := regexp.MustCompile(`changed: in database \S+ \S+ owns 1 objects that the users owned`).ReplaceAllString(p.shell(e.Scene, script, databases), "")
	if strings.Contains(again, "changed: ") {
		e.t.Errorf("again:\n%s", again)
	}
	put(e.t, e.Scene, p.json(names), "")
}

// The role of the user stays, and two new users become it.
func TestPageOfAdoptionWithoutMoving(t *testing.T) {
	t.Parallel()
	p := section(t, "## Without moving anything")
	e := newEstate(t, server, false)
	app := e.A
	names := words(e.Scene, app, "")
	before := e.before(acts)
	asMaster(e.Scene, strings.Split(strings.TrimSpace(p.next("sql", names)), "\n")...)
	asMaster(e.Scene, e.all("ALTER ROLE {app}_a PASSWORD '"+localtest.PasswordA+"'", "ALTER ROLE {app}_a SET search_path = own, public", "ALTER ROLE {app}_a SET work_mem = '5MB'")...)
	keys := p.json(names)
	keys["password"] = localtest.PasswordA
	put(t, e.Scene, keys, e.masterARN)
	e.A, e.B, e.Shared = app+"_a", app+"_b", app
	e.MustSetup()
	mustRotate(t, e.Scene)
	mustRotate(t, e.Scene)
	for database, could := range before {
		conn := e.connect(e.Credential("AWSPREVIOUS"), database)
		for act := range could {
			if strings.Contains(act, "current_setting") || strings.Contains(act, "SHOW") {
				delete(could, act)
			}
		}
		e.same("AWSPREVIOUS in "+database, could, e.tries(conn, acts))
		conn.Close(t.Context())
	}
	pgtest.Connect(t, e.PG.URL(app, localtest.PasswordA, e.Database)).Close(t.Context())
	mustCheck(t, e.Scene)
}
