package sweep_test

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/report"
	"pgrotator/sql"
)

// A role whose name the log cannot carry as the catalogue has it is left alone, also while it has a session; the others are judged.
func TestNamesOfOtherEncodings(t *testing.T) {
	t.Parallel()
	onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		database := s.prefix
		for encoding, names := range map[string][2]string{ // as the client sends them: logs hold these bytes
			"LATIN1":    {"jos\xe9", "M\xfcller"},
			"WIN1252":   {"jos\xe9w", "M\xfcller\x80"},
			"SQL_ASCII": {"jos\xe9s", "M\xfcllers"},
		} {
			s.exec(fmt.Sprintf("CREATE DATABASE %s_%s ENCODING '%[2]s' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", database, encoding))
			for _, name := range names {
				s.makeRawRole(database+"_"+strings.ToLower(encoding), name)
			}
		}
		for _, encoding := range []string{"", "_latin1", "_win1252", "_sql_ascii"} {
			s.moveTo(database + encoding)
			s.settle()
			idle, busy := s.closable("idle"+encoding, 100), s.closable("busy"+encoding, 100)
			s.visitDatabase(busy, database)
			session := s.rawSession("jos\xe9", database)
			s.exec("UPDATE user_login_status SET last_login_time = now() - interval '100 days' WHERE user_name !~ 'busy'")
			report := s.run()
			s.closes(report, idle)
			if n := countNotManaged(report, "cannot show"); n < 6 {
				t.Errorf("%d roles are told not to be managed for their names, want 6: %+v", n, report.NotManaged)
			}
			session.Close(t.Context())
		}
	})
}

func countNotManaged(answer report.Report, reason string) int {
	return len(slices.DeleteFunc(slices.Clone(answer.NotManaged), func(n report.NotManaged) bool { return !strings.Contains(n.Reason, reason) }))
}

// makeRawRole makes a role by a client that sends these bytes as they are.
func (s *stage) makeRawRole(database, name string) {
	s.t.Helper()
	user, superPassword := s.server.Superuser()
	conn := pgtest.Connect(s.t, s.server.URL(user, superPassword, database))
	defer conn.Close(s.t.Context())
	for _, statement := range []string{"SET client_encoding = SQL_ASCII", fmt.Sprintf("CREATE ROLE \"%s\" LOGIN PASSWORD '%s'", name, password)} {
		if _, err := conn.PgConn().Exec(s.t.Context(), statement).ReadAll(); err != nil {
			s.t.Fatalf("%q: %v", statement, err)
		}
	}
}

// rawSession logs in under a name of any bytes.
func (s *stage) rawSession(name, database string) *pgx.Conn {
	s.t.Helper()
	config, err := pgx.ParseConfig(s.server.URL("x", password, database))
	if err != nil {
		s.t.Fatal(err)
	}
	config.User = name
	conn, err := pgx.ConnectConfig(s.t.Context(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close(context.WithoutCancel(s.t.Context())) })
	return conn
}

func (s *stage) visitDatabase(name, database string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.server.URL(name, password, database))
	if err != nil {
		s.t.Fatal(err)
	}
	conn.Close(s.t.Context())
}

// moveTo has the secret name another database, with tables and a deployment of its own.
func (s *stage) moveTo(database string) {
	s.t.Helper()
	user, superPassword := s.server.Superuser()
	s.admin = pgtest.Connect(s.t, s.server.URL(user, superPassword, database))
	s.exec("GRANT ALL ON SCHEMA public TO " + s.prefix)
	if _, err := s.admin.PgConn().Exec(s.t.Context(), "SET ROLE "+s.prefix+";"+sql.SweepTables.Text()+"; RESET ROLE").ReadAll(); err != nil {
		s.t.Fatal(err)
	}
	s.secret(map[string]any{"dbname": database})
	s.options.Stack = strings.ReplaceAll(database, "_", "-")
}

// Roles of names in UTF8, in a database of that encoding, are judged as others are.
func TestNamesInUTF8(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		busy, idle := s.closable("josé", 100), s.closable("Müller", 100)
		s.visit(busy)
		s.closes(s.run(), idle)
	})
}

// A login to a database whose name holds a line end cannot be told from the log. Who made it is told, and a statement that heals.
func TestDatabaseNameWithALineEnd(t *testing.T) {
	t.Parallel()
	onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		maker, idle := s.closable("maker", 1), s.closable("idle", 100)
		s.exec("ALTER ROLE " + maker + " CREATEDB")
		s.as(maker, "CREATE DATABASE \"x\n"+s.prefix+"\"")
		report := s.run()
		s.closesNobody(report, fmt.Sprintf("owned by %q", maker))
		rename := regexpRename.FindString(strings.Join(report.Evidence.Reasons, "\n"))
		name, superPassword := s.server.Superuser()
		command := exec.CommandContext(t.Context(), "psql", "-X", "-v", "ON_ERROR_STOP=1", s.server.URL(name, superPassword, s.prefix))
		command.Stdin = strings.NewReader(rename)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("psql: %v\n%s\n%s", err, rename, out)
		}
		s.closes(s.run(), idle)
	})
}

// A login by Babelfish has a form of its own, which PostgreSQL itself does not write.
func TestLoginByBabelfish(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.settle()
				busy, idle := s.closable("busy", 100), s.closable("idle", 100)
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				s.logs(time.Now(), busy, "LOG:  ", "connection authorized: user="+busy+", application=sqlcmd, Tds Version=0x74000004.")
				s.closes(s.run(), idle)
			})
		})
	}
}

var regexpRename = regexp.MustCompile(`SELECT .*\\gexec`)
