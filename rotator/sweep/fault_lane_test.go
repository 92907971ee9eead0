package sweep_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
	"pgrotator/rotator/report"
	"pgrotator/rotator/role"
	"pgrotator/sql"
)

// States of a role: the role itself, its row in user_login_status and what user_login_action tells of it, in order.
const (
	stateOpen    = "LOGIN, Active"
	stateLocked  = "NOLOGIN, Locked, locked_at: locked"
	stateBack    = "LOGIN, Active: locked unlocked" // let in again: it had logged in meanwhile
	stateDropped = "no role, no row: locked deleted"
)

// refusedForAnother reports a sweep that found another one at work, and says who.
func refusedForAnother(r report.Report) bool {
	return len(r.Evidence.Reasons) == 1 && strings.HasPrefix(r.Evidence.Reasons[0], "Another sweep of this database is under way: process ")
}

// lane is a scene in which one round after the other is played: two roles that are idle, one locked long ago and one that was
// active since the last sweep. Its methods return errors, so that lanes can play on goroutines of their own: a sweep that locks
// waits for most of its time.
type lane struct {
	*localtest.Scene
	t       testing.TB
	sweeper *localaws.Function
	proxy   *pgfault.Proxy
	admin   *pgx.Conn // the superuser, in the scene's database, past the proxy

	round   int
	idle    []string
	old     string
	active  string
	visited time.Time // when the active role had logged in
	woken   bool      // the second idle role logged in during the round, before the sweep came to it
	slipped bool      // it logged in while it was being locked
	log     jobRow
}

// jobRow is the instance's row in user_login_job_status.
type jobRow struct {
	processed, evidenceFrom time.Time
}

// laneArrangements are the two ways in which a sweep acts, with the faults at the database that are tried: the ways differ in a
// single statement.
var laneArrangements = []struct {
	name    string
	kinds   []pgfault.Kind
	prepare func(*localtest.Scene)
}{
	{"functions of setup", pgfault.Kinds(), func(s *localtest.Scene) {
		s.CreateSecret(map[string]any{"masterarn": s.CreateMaster(), "dbClusterIdentifier": "orders"})
		s.MustSetupFor(role.ForSweep)
	}},
	{"directly", []pgfault.Kind{pgfault.KillAfter}, func(s *localtest.Scene) {
		s.ArticleRoles("CREATEROLE")
		s.SQL("CREATE DATABASE " + s.Shared + "db")
		s.Database = s.Shared + "db"
		s.SQL("GRANT ALL ON SCHEMA public TO " + s.Shared)
		s.SQLScript("SET ROLE " + s.Shared + ";" + sql.SweepTables.Text())
		s.CreateSecret(map[string]any{"dbClusterIdentifier": "orders"})
	}},
}

// newLane sweeps once, for the evidence to begin.
func newLane(t testing.TB, prepare func(*localtest.Scene)) *lane {
	t.Helper()
	s := localtest.New(t, server, map[string]string{"STATE_SCHEMA": "public"})
	proxy, err := pgfault.Start(t.Context(), fmt.Sprintf("127.0.0.1:%d", server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	s.Behind(proxy.Port())
	prepare(s)
	s.Cluster("orders")
	l := &lane{Scene: s, t: t, proxy: proxy, active: s.Shared + "_active", admin: pgtest.Connect(t, s.Superuser()),
		sweeper: s.AddFunction("sweep", map[string]string{"LOCK_INTERVAL_DAYS": "90", "DELETE_INTERVAL_DAYS": "180",
			"INGESTION_LAG_SECONDS": "1", "STATE_SCHEMA": "public", "NOTICE_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:notices"}, 0)}
	if err := l.exec("CREATE ROLE " + l.active + " LOGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.invoke(); err != nil {
		t.Fatalf("the first sweep: %v\n%s", err, l.sweeper.Output())
	}
	return l
}

func (l *lane) exec(statements ...string) error {
	for _, statement := range statements {
		if _, err := l.admin.Exec(l.t.Context(), statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// invoke sweeps when the log has arrived. A function that fails is an error.
func (l *lane) invoke() (report.Report, error) {
	var report report.Report
	if err := l.Log.Flush(l.t.Context()); err != nil {
		return report, err
	}
	event := fmt.Sprintf(`{"action":"sweep","secretId":%q}`, l.SecretID)
	result, err := l.sweeper.Invoke(l.t.Context(), []byte(event))
	if err != nil {
		return report, err
	}
	if result.FunctionError != "" {
		return report, errors.New(string(result.Payload))
	}
	return report, json.Unmarshal(result.Payload, &report)
}

// begin sets a round up. Its roles have names of their own, but for the active one, which had been idle as long as the others
// until it logged in a moment ago.
func (l *lane) begin() error {
	for _, name := range append(l.idle, l.old) {
		if name == "" {
			continue
		}
		if err := l.exec("DROP ROLE IF EXISTS " + name); err != nil {
			return err
		}
	}
	l.round++
	prefix := fmt.Sprintf("%s_round%d_", l.Shared, l.round)
	l.idle, l.old = []string{prefix + "idle1", prefix + "idle2"}, prefix+"old"
	l.woken, l.slipped = false, false
	err := l.exec(
		"CREATE ROLE "+l.idle[0]+" LOGIN",
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", l.idle[1], password),
		"CREATE ROLE "+l.old+" NOLOGIN",
		fmt.Sprintf(`INSERT INTO user_login_status (user_name, role_oid, last_login_time) SELECT rolname, oid, now() - interval '100 days'
			FROM pg_roles WHERE rolname IN ('%s', '%s', '%s')
			ON CONFLICT (user_name) DO UPDATE SET last_login_time = excluded.last_login_time`, l.idle[0], l.idle[1], l.active),
		fmt.Sprintf(`INSERT INTO user_login_status (user_name, role_oid, last_login_time, status, locked_at)
			SELECT rolname, oid, now() - interval '200 days', 'Locked', now() - interval '100 days' FROM pg_roles WHERE rolname = '%s'`, l.old),
		fmt.Sprintf(`INSERT INTO user_login_action (happened_at, user_name, action, detail)
			SELECT locked_at, user_name, 'locked', json_build_object('lastActivity', last_login_time, 'lockDays', 90)
			FROM user_login_status WHERE user_name = '%s'`, l.old),
		"UPDATE user_login_job_status SET evidence_from = now() - interval '400 days', last_processed_time = least(last_processed_time, now() - interval '10 seconds')")
	if err != nil {
		return err
	}
	// No sweep but the next one reads as far back as this: what it does not store is lost.
	l.visited = time.Now().Add(-8 * time.Second).UTC().Truncate(time.Second)
	l.AWS.AppendLog("/aws/rds/cluster/orders/postgresql", "orders-1.0", localaws.Event{Time: l.visited,
		Message: fmt.Sprintf("%s UTC:10.0.0.1(40000):%[2]s@%[3]s:[40000]:LOG:  connection authorized: user=%[2]s database=%[3]s",
			l.visited.Format(time.DateTime), l.active, l.Database)})
	l.log, err = l.jobRow()
	return err
}

// visit logs in as a role and out again.
func (l *lane) visit(name string) error {
	_, err := l.Login(localtest.Credential{Username: name, Password: password})
	return err
}

// wake has the second idle role log in, if it still can.
func (l *lane) wake() {
	l.woken = l.visit(l.idle[1]) == nil
}

func (l *lane) jobRow() (row jobRow, err error) {
	err = l.admin.QueryRow(l.t.Context(), "SELECT last_processed_time, evidence_from FROM user_login_job_status").Scan(&row.processed, &row.evidenceFrom)
	return row, err
}

// states reads what is known of the round's roles, in one snapshot.
func (l *lane) states() (map[string]string, error) {
	rows, err := l.admin.Query(l.t.Context(), `
		SELECT n.name, concat_ws(', ',
		           CASE WHEN r.oid IS NULL THEN 'no role' WHEN r.rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
		           coalesce(s.status, 'no row'),
		           CASE WHEN s.locked_at IS NOT NULL THEN 'locked_at' END,
		           CASE WHEN s.role_oid <> r.oid THEN 'another role''s oid' END)
		       || coalesce((SELECT ': ' || string_agg(a.action, ' ' ORDER BY a.happened_at) FROM user_login_action a WHERE a.user_name = n.name), '')
		FROM unnest($1::text[]) AS n (name)
		LEFT JOIN pg_roles r ON r.rolname = n.name
		LEFT JOIN user_login_status s ON s.user_name = n.name`, append(l.idle, l.old, l.active))
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	var name, state string
	_, err = pgx.ForEachRow(rows, []any{&name, &state}, func() error {
		states[name] = state
		return nil
	})
	return states, err
}

// look holds what a sweep left, finished or not, to what it may leave: nobody is half locked or half dropped, the active role was
// never touched, and the record of the log has not gone back.
func (l *lane) look() (map[string]string, error) {
	states, err := l.states()
	if err != nil {
		return nil, err
	}
	may := map[string][]string{l.active: {stateOpen}, l.old: {stateLocked, stateDropped}, l.idle[0]: {stateOpen, stateLocked}, l.idle[1]: {stateOpen, stateLocked}}
	switch {
	case l.woken:
		may[l.idle[1]] = []string{stateOpen}
	case l.slipped:
		may[l.idle[1]] = []string{stateOpen, stateLocked, stateBack}
	}
	for name, state := range states {
		if !slices.Contains(may[name], state) {
			return nil, fmt.Errorf("%s is %q, want one of %q", name, state, may[name])
		}
	}
	now, err := l.jobRow()
	if err != nil {
		return nil, err
	}
	if now.processed.Before(l.log.processed) || !now.evidenceFrom.Equal(l.log.evidenceFrom) {
		return nil, fmt.Errorf("the record of the log went from %v to %v", l.log, now)
	}
	l.log = now
	return states, nil
}

// goOn sweeps without a fault and compares with what was left to do. PostgreSQL may take a moment to notice that a sweep is gone.
func (l *lane) goOn() error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(pollPause) {
		before, err := l.look()
		if err != nil {
			return err
		}
		report, err := l.invoke()
		if err != nil {
			return fmt.Errorf("the next sweep: %w", err)
		}
		if refusedForAnother(report) && time.Now().Before(deadline) {
			continue
		}
		return l.compare(before, report)
	}
}

// compare holds a report to the states before its sweep, and the states after it to what the round must end with.
func (l *lane) compare(before map[string]string, answer report.Report) error {
	after, err := l.look()
	if err != nil {
		return err
	}
	want := map[string]string{l.active: stateOpen, l.old: stateDropped, l.idle[0]: stateLocked, l.idle[1]: stateLocked}
	switch {
	case l.slipped && after[l.idle[1]] == stateBack:
		want[l.idle[1]] = stateBack
	case l.woken, l.slipped: // never locked, or its lock was never committed
		want[l.idle[1]] = stateOpen
	}
	if !maps.Equal(after, want) {
		return fmt.Errorf("the round ends with %v, want %v; reasons %q, failed %v", after, want, answer.Evidence.Reasons, answer.Failed)
	}
	if !answer.Evidence.Complete || len(answer.Failed) > 0 {
		return fmt.Errorf("complete %v, reasons %q, failed %v", answer.Evidence.Complete, answer.Evidence.Reasons, answer.Failed)
	}
	for _, told := range []struct {
		state string
		list  []report.Closed
	}{{stateLocked, answer.Locked}, {stateBack, answer.Unlocked}, {stateDropped, answer.Deleted}} {
		if got, done := closedUsers(told.list), turned(before, after, told.state); !slices.Equal(got, done) {
			return fmt.Errorf("the report tells of %q as %q, want %q", got, told.state, done)
		}
	}
	return l.counted()
}

// turned lists who came into a state.
func turned(before, after map[string]string, state string) []string {
	list := []string{}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name] == state && before[name] != state {
			list = append(list, name)
		}
	}
	return list
}

// counted compares the times of the roles that logged in during the round.
func (l *lane) counted() error {
	logged := []string{l.active}
	if l.woken || l.slipped {
		logged = append(logged, l.idle[1])
	}
	var lost []string
	err := l.admin.QueryRow(l.t.Context(), `SELECT coalesce(array_agg(user_name), '{}') FROM user_login_status WHERE user_name = ANY ($1) AND last_login_time < $2`,
		logged, l.visited).Scan(&lost)
	if err == nil && len(lost) > 0 {
		err = fmt.Errorf("the logins of %s are lost", strings.Join(lost, ", "))
	}
	return err
}
