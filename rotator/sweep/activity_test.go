package sweep_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"pgrotator/rotator/internal/localaws"
)

func TestWhatDoesNotMoveTheClock(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	attacker := s.user("attacker", 1)
	tests := map[string]func(victim string){
		"a blocked attempt with the right password": func(victim string) {
			s.exec("ALTER ROLE " + victim + " CONNECTION LIMIT 0")
			if _, err := s.login(victim); err == nil {
				t.Error("the attempt was let in")
			}
		},
		"an attempt at a database that does not exist": func(victim string) {
			if _, err := pgx.Connect(t.Context(), s.server.URL(victim, password, s.prefix+"nowhere")); err == nil {
				t.Error("the attempt was let in")
			}
		},
		"a wrong password": func(victim string) {
			if _, err := pgx.Connect(t.Context(), s.server.URL(victim, "wrong", s.prefix)); err == nil {
				t.Error("the attempt was let in")
			}
		},
		"RAISE LOG of the text of a login": func(victim string) {
			s.as(attacker, fmt.Sprintf("DO $$ BEGIN RAISE LOG 'connection authorized: user=%s database=%s'; END $$", victim, s.prefix))
		},
		"RAISE LOG of a whole line": func(victim string) {
			line := time.Now().UTC().Format(time.DateTime) + " UTC:127.0.0.1(4711):" + victim + "@" + s.prefix + ":[4711]:LOG:  connection authorized: user=" + victim + " database=" + s.prefix
			s.as(attacker, fmt.Sprintf("DO $$ BEGIN RAISE LOG E'x\\n%s'; END $$", line))
		},
		"an application_name that reads like a login": func(victim string) {
			conn, err := pgx.Connect(t.Context(), s.server.URL(attacker, password, s.prefix)+"&application_name="+url.QueryEscape("x user="+victim+" database="+s.prefix))
			if err != nil {
				t.Fatal(err)
			}
			conn.Close(t.Context())
		},
		"SET SESSION AUTHORIZATION": func(victim string) {
			s.exec("SET SESSION AUTHORIZATION " + victim)
			s.exec("RESET SESSION AUTHORIZATION")
		},
		"newlines in the user name of a stranger": func(victim string) {
			s.startup("x\n"+time.Now().UTC().Format(time.DateTime)+" UTC:[local]:"+victim, s.prefix+":[1]:LOG:  connection authorized: user="+victim+" database="+s.prefix+"\n")
		},
		"names that are not cut yet, of a packet that is refused": func(victim string) {
			s.refusedPacket(victim + "@" + s.prefix + ":[1]:LOG:  connection authorized: user=" + victim + " database=" + s.prefix + " application_name=" + strings.Repeat("x", 200))
			s.refusedPacket(victim + "@" + s.prefix + ":[1]:STATEMENT:  " + strings.Repeat("x", 200))
		},
	}
	var victims []string
	for name, act := range tests {
		victim := s.user(fmt.Sprintf("v%d", len(victims)), 100)
		victims = append(victims, victim)
		t.Log(victim, name)
		act(victim)
	}
	report := s.run()
	slices.Sort(victims)
	if got := closedUsers(report.Locked); !slices.Equal(got, victims) {
		t.Errorf("locked %q, want %q: the clocks of the others moved; %+v", got, victims, report.Evidence)
	}
	if !s.canLogin(attacker) {
		t.Errorf("%s was active and is locked", attacker)
	}
}

// as runs a statement as a role.
func (s *stage) as(name, sql string) {
	s.t.Helper()
	conn, err := s.login(name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	if _, err := conn.Exec(s.t.Context(), sql); err != nil {
		s.t.Fatal(err)
	}
}

// startup sends a startup packet as it is, and a wrong password.
func (s *stage) startup(user, database string) {
	s.t.Helper()
	s.startupWith(map[string]string{"user": user, "database": database})
}

func (s *stage) startupWith(parameters map[string]string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(s.server.Host(), strconv.Itoa(s.server.Port())))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	frontend := pgproto3.NewFrontend(conn, conn)
	frontend.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: parameters})
	frontend.Send(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("n,,n=,r=nonce")})
	frontend.Send(&pgproto3.SASLResponse{Data: []byte("no proof at all")})
	if err := frontend.Flush(); err != nil {
		s.t.Fatal(err)
	}
	for { // until the server hangs up
		if _, err := frontend.Receive(); err != nil {
			return
		}
	}
}

// refusedPacket sends a startup packet that the server refuses before it cuts the names.
func (s *stage) refusedPacket(user string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(s.server.Host(), strconv.Itoa(s.server.Port())))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	packet := binary.BigEndian.AppendUint32(nil, pgproto3.ProtocolVersion30)
	packet = append(packet, "user\x00"+user+"\x00database\x00x\x00replication\x00x\x00\x00"...)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(packet)+4)), packet...)); err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // until the server hangs up
}

// Where a publisher cuts entries at newlines, a stranger who knows a role and its database can write a login of it: told, and counted
// as one, since a login that may be forged may be genuine too.
func TestForgedEntriesOfACuttingPublisher(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{SplitLines: true})
	s.settle()
	// The names of a startup packet end at 63 bytes, so that only short ones can be forged.
	victim, database := "z"+s.prefix[len(s.prefix)-3:], "d"+s.prefix[len(s.prefix)-3:]
	s.exec("CREATE DATABASE " + database)
	s.exec("CREATE ROLE " + victim + " LOGIN PASSWORD '" + password + "'")
	s.exec("INSERT INTO user_login_status (user_name, role_oid, last_login_time) SELECT rolname, oid, now() - interval '100 days' FROM pg_roles WHERE rolname = $1", victim)
	s.startup("x\n"+time.Now().UTC().Format(time.DateTime)+" UTC:h(1):"+victim, database+":[1]:LOG:  connection authorized: user="+victim+" database="+database+"\n")
	report := s.run()
	if after := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", victim); time.Since(after) > time.Hour {
		t.Errorf("what may be a login of %s counts for nothing: its clock is at %s", victim, after)
	}
	if !slices.ContainsFunc(report.Evidence.Instances, func(i reportInstance) bool { return i.Suspicious > 0 }) {
		t.Errorf("nothing suspicious is reported: %+v", report.Evidence.Instances)
	}
	if !report.Evidence.Complete || len(report.Locked) > 0 {
		t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
	}
}

func TestNamesThatAreAwkward(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	s.exec("CREATE TABLE untouched (n int)")
	busy := []string{"o'brien", `a"b`, "bob smith", "Ünïcode", "x; DROP TABLE untouched; --", "Alice"}
	idle := []string{"alice", `'); DROP TABLE untouched; --`, `$1`, "a@b"}
	for i, name := range busy {
		busy[i] = s.user(name, 100)
		s.visit(busy[i])
	}
	for i, name := range idle {
		idle[i] = s.user(name, 100)
	}
	_, _ = pgx.Connect(t.Context(), s.server.URL("'); DROP TABLE untouched; --", "x", "'; DROP TABLE untouched; --"))
	report := s.run()
	slices.Sort(idle)
	if got := closedUsers(report.Locked); !slices.Equal(got, idle) || len(report.Failed) > 0 {
		t.Errorf("locked %q, want %q; failed %v", got, idle, report.Failed)
	}
	if n := query[int](s, "SELECT count(*) FROM pg_class WHERE relname = 'untouched'"); n != 1 {
		t.Error("SQL in a name was executed")
	}
	for _, name := range busy {
		if !s.canLogin(name) {
			t.Errorf("%q was active and is locked", name)
		}
	}
}

func TestLoginToADatabaseThatIsGone(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	builder := s.user("builder", 100)
	s.exec("CREATE DATABASE " + s.prefix + "job")
	conn, err := pgx.Connect(t.Context(), s.server.URL(builder, password, s.prefix+"job"))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
	s.exec("DROP DATABASE " + s.prefix + "job WITH (FORCE)")
	if report := s.run(); len(report.Locked) > 0 {
		t.Errorf("locked %q, which had logged in to a database dropped since", closedUsers(report.Locked))
	}
}

func TestOpenSessionIsActivity(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{Drop: func(e localaws.Event) bool { return strings.Contains(e.Message, "long") }})
	s.settle()
	long := s.user("long", 100)
	conn, err := s.login(long) // no line of this role ever reaches the log
	if err != nil {
		t.Fatal(err)
	}
	if report := s.run(); len(report.Locked) > 0 {
		t.Fatalf("locked %q with an open session", closedUsers(report.Locked))
	}
	conn.Close(t.Context())
	seen := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", long)
	s.run()
	if after := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", long); !after.After(seen) {
		t.Errorf("a session that ended between two runs counts until %s, when the first saw it, and not until the second", seen)
	}
}

// A session that was seen last by a run that could not look everywhere counts until it is found ended.
func TestSessionAcrossAnImpairedRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		counts int // runs that count it, once it has ended: one, and those that cannot tell that it is not open elsewhere
		impair func(s *stage)
	}{
		"a read replica is not known": {2, func(s *stage) {
			s.setInstance(func(i *types.DBInstance) { i.ReadReplicaDBInstanceIdentifiers = []string{s.prefix + "-r"} })
		}},
		"RDS does not tell the instances": {2, func(s *stage) {
			s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
				if c.Service == "rds" {
					return localaws.Throttle
				}
				return localaws.Pass
			})
		}},
		"RDS names no writer": {1, func(s *stage) {
			s.secret(map[string]any{"dbClusterIdentifier": s.prefix, "dbInstanceIdentifier": ""})
			s.setInstance(func(i *types.DBInstance) { i.DBClusterIdentifier = &s.prefix })
			s.stack.SetDBCluster(types.DBCluster{DBClusterIdentifier: &s.prefix, MasterUsername: aws.String("postgres"),
				DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: &s.prefix, IsClusterWriter: aws.Bool(false)}}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, server, localaws.PublishOptions{Drop: func(e localaws.Event) bool { return strings.Contains(e.Message, "long") }})
			s.settle()
			long := s.user("long", 100)
			conn, err := s.login(long) // no line of this role ever reaches the log
			if err != nil {
				t.Fatal(err)
			}
			s.run()
			c.impair(s)
			s.run()
			conn.Close(t.Context())
			s.await("the session's end", "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = $1)", long)
			for range c.counts {
				seen := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", long)
				s.run()
				if after := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", long); !after.After(seen) {
					t.Errorf("a session that ended after an impaired run counts no longer than until %s", seen)
				}
			}
		})
	}
}

func TestLateLineUndoesTheLock(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]string{
		"":                                "SELECT",
		"its record is gone":              "DELETE FROM user_login_action",
		"another's record without a time": `INSERT INTO user_login_action (user_name, action, detail) SELECT user_name, action, '{"lastActivity": "9999-01-01T00:00:00Z"}' FROM user_login_action`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testLateLine(t, breaks)
		})
	}
}

// testLateLine has the table of actions broken between the lock and the late line.
func testLateLine(t *testing.T, breaks string) {
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	late := s.user("late", 100)
	s.flush()
	s.publisher.Pause()
	s.visit(late)
	if report := s.run(); !slices.Equal(closedUsers(report.Locked), []string{late}) {
		t.Fatalf("locked %q, want %s, whose login is not in the log yet: %q", closedUsers(report.Locked), late, report.Evidence.Reasons)
	}
	s.exec(breaks)
	s.publisher.Resume()
	report := s.run()
	if got := closedUsers(report.Unlocked); !slices.Equal(got, []string{late}) || !s.canLogin(late) || s.status(late) != "Active" {
		t.Errorf("unlocked %q, can log in: %v, status %s", got, s.canLogin(late), s.status(late))
	}
}

func TestTimeZoneOfTheDatabase(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.exec("ALTER DATABASE " + s.prefix + " SET timezone = 'Asia/Tokyo'")
	s.settle()
	busy := s.user("busy", 100)
	s.visit(busy)
	s.run()
	if age := query[float64](s, "SELECT abs(extract(epoch FROM now() - last_login_time)) FROM user_login_status WHERE user_name = $1", busy); age > 60 {
		t.Errorf("the login just made counts as %v seconds away", age)
	}
}
