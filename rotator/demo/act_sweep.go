package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/terminal"
)

// The people of the last act, and the policy that they meet.
const (
	busy  = "jane" // logs in today
	idle  = "tom"  // has not logged in for months, and owns nothing
	owner = "erika"
	saved = "otto" // is let in again by the DBA

	lockDays   = 90
	deleteDays = 180
)

// sweeping is what the last act plays with.
type sweeping struct {
	*demo
	publisher *localaws.Publisher
}

// sweepReport is what the story tells of a sweep's answer.
type sweepReport struct {
	ReportURI string
	Evidence  struct {
		Complete bool
		Reasons  []string
	}
	Locked, Deleted, Unlocked []struct {
		User     string
		IdleDays int
	}
	ReadyToDelete []struct {
		User string
		Owns []struct {
			Database string
			Objects  int
		}
		Statements []string
	}
}

// sweepPromises are collected as the act goes on.
type sweepPromises struct {
	promises []promise
}

func (s *sweepPromises) hold(text string, kept bool, evidence any) {
	p := promise{text: text}
	p.require(kept, "the report", evidence)
	s.promises = append(s.promises, p)
}

// actSweep ages a few people and sweeps them.
func (d *demo) actSweep(ctx context.Context) error {
	d.refusal = d.refusalPromise() // from here on the story locks somebody out on purpose
	if len(d.rotations) < rotations {
		return nil // cut short: the summary tells by what
	}
	d.page.Title("5. The sweep: accounts that nobody uses")
	s := &sweeping{demo: d}
	for _, scene := range []func(context.Context) error{s.people, s.firstLook, s.monthsLater, s.locking, s.dropping} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}

// people makes the accounts, and has setup take them in. Their passwords are verifiers that nobody needs to know but jane's.
func (s *sweeping) people(ctx context.Context) (err error) {
	s.page.Say("The DBA has made accounts for four people. The server's log goes to CloudWatch, as RDS sends it; the sweep " +
		fmt.Sprintf("locks after %d idle days and drops after %d.", lockDays, deleteDays))
	for _, name := range []string{busy, idle, owner, saved} {
		if err := s.stack.AddPerson(ctx, name); err != nil {
			return err
		}
	}
	if err := s.stack.AsSuperuser(ctx, "CREATE TABLE public.of_erika ()", "ALTER TABLE public.of_erika OWNER TO "+owner); err != nil {
		return err
	}
	var changed struct{ Changed []string }
	if err := s.stack.Act(ctx, map[string]string{"action": "setup", "for": "sweep", "secretId": s.stack.ARN}, &changed); err != nil {
		return err
	}
	for _, change := range changed.Changed {
		s.page.Hang(terminal.Green, "    + ", change)
	}
	if s.publisher, err = s.stack.PublishLog(ctx); err != nil {
		return err
	}
	s.sweeper, err = s.stack.AddSweep(map[string]string{"NOTICE_TOPIC_ARN": stack.Topic,
		"LOCK_INTERVAL_DAYS": fmt.Sprint(lockDays), "DELETE_INTERVAL_DAYS": fmt.Sprint(deleteDays), "REPORT_BUCKET": stack.Reports})
	return err
}

// firstLook is a sweep that has nothing to compare with.
func (s *sweeping) firstLook(ctx context.Context) error {
	s.page.Say("The first sweep acts on nobody: it cannot tell yet whether logins reach the log.")
	report, err := s.sweep(ctx)
	if err != nil {
		return err
	}
	for _, reason := range report.Evidence.Reasons {
		s.page.Hang(terminal.Yellow, "    ? ", reason)
	}
	s.sweeps.hold("A sweep without complete evidence acts on nobody",
		!report.Evidence.Complete && len(report.Locked)+len(report.Deleted) == 0, report)
	return nil
}

// monthsLater ages everybody's record, in the tables and in the evidence, and lets one of them log in.
func (s *sweeping) monthsLater(ctx context.Context) error {
	s.page.Say("A hundred days pass. Only " + busy + " logs in.")
	if err := s.age(ctx, 100); err != nil {
		return err
	}
	conn, err := s.stack.ConnectAs(ctx, busy)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// age moves what the sweep remembers so many days into the past.
func (s *sweeping) age(ctx context.Context, days int) error {
	return s.stack.AsMaster(ctx,
		fmt.Sprintf("UPDATE rotation_app.user_login_status SET last_login_time = last_login_time - interval '%d days', locked_at = locked_at - interval '%[1]d days', status_changed_at = status_changed_at - interval '%[1]d days'", days),
		fmt.Sprintf("UPDATE rotation_app.user_login_job_status SET evidence_from = evidence_from - interval '%d days'", days),
		fmt.Sprintf("UPDATE rotation_app.user_login_action SET happened_at = happened_at - interval '%d days'", days))
}

// locking is the sweep after those months.
func (s *sweeping) locking(ctx context.Context) error {
	report, err := s.sweep(ctx)
	if err != nil {
		return err
	}
	s.tell(report)
	locked := names(report.Locked)
	s.sweeps.hold("Whoever is active is never locked", !slices.Contains(locked, busy), locked)
	s.sweeps.hold("Whoever is idle as long as the policy says is locked", slices.Equal(locked, []string{owner, saved, idle}), locked)
	_, err = s.stack.ConnectAs(ctx, idle)
	s.sweeps.hold("A locked account cannot log in", err != nil && strings.Contains(err.Error(), "not permitted to log in"), err)
	s.page.Say(saved + " calls the DBA, who lets the account in again:")
	s.page.Hang(terminal.Dim, "    "+stack.Master+"> ", "ALTER ROLE "+saved+" LOGIN")
	return s.stack.AsMaster(ctx, "ALTER ROLE "+saved+" LOGIN")
}

// dropping is the sweep a hundred days after that.
func (s *sweeping) dropping(ctx context.Context) error {
	report, err := s.sweep(ctx)
	if err != nil {
		return err
	}
	s.tell(report)
	s.sweeps.hold("A DBA's unlock is taken note of", slices.Equal(names(report.Unlocked), []string{saved}), report.Unlocked)
	s.page.Say("Another hundred days pass; " + busy + " and " + saved + " log in.")
	if err := s.age(ctx, 100); err != nil {
		return err
	}
	for _, name := range []string{busy, saved} {
		conn, err := s.stack.ConnectAs(ctx, name)
		if err != nil {
			return err
		}
		if err := conn.Close(ctx); err != nil {
			return err
		}
	}
	if report, err = s.sweep(ctx); err != nil {
		return err
	}
	s.tell(report)
	s.sweeps.hold("An account that was locked long enough and owns nothing is dropped", slices.Equal(names(report.Deleted), []string{idle}), report.Deleted)
	s.sweeps.hold("One that owns something is told, with the statements that clear it",
		len(report.ReadyToDelete) == 1 && report.ReadyToDelete[0].User == owner && len(report.ReadyToDelete[0].Statements) > 0, report.ReadyToDelete)
	return s.keepPage(report.ReportURI)
}

// sweep waits until the log has arrived, and sweeps.
func (s *sweeping) sweep(ctx context.Context) (sweepReport, error) {
	if err := s.publisher.Flush(ctx); err != nil {
		return sweepReport{}, err
	}
	var report sweepReport
	begun := time.Now()
	err := stack.Ask(ctx, s.sweeper, map[string]string{"action": "sweep", "secretId": s.stack.ARN}, &report)
	if err == nil {
		s.page.part(`The function is sent {"action":"sweep"}`, time.Since(begun))
	}
	return report, err
}

func (s *sweeping) tell(report sweepReport) {
	for _, reason := range report.Evidence.Reasons {
		s.page.Hang(terminal.Yellow, "    ? ", reason)
	}
	for _, c := range report.Unlocked {
		s.page.Hang(terminal.Green, "    unlocked  ", c.User+": begins anew")
	}
	for _, c := range report.Locked {
		s.page.Hang(terminal.Yellow, "    locked    ", fmt.Sprintf("%s, idle for %d days", c.User, c.IdleDays))
	}
	for _, c := range report.Deleted {
		s.page.Hang(terminal.Red, "    dropped   ", fmt.Sprintf("%s, idle for %d days", c.User, c.IdleDays))
	}
	for _, r := range report.ReadyToDelete {
		for _, o := range r.Owns {
			s.page.Hang(terminal.Pink, "    ready     ", fmt.Sprintf("%s, when its objects in database %s (%d) are cleared:", r.User, o.Database, o.Objects))
		}
		first, _, _ := strings.Cut(r.Statements[0], "\n")
		s.page.Hang(terminal.Dim, "              ", first)
	}
}

func names(closed []struct {
	User     string
	IdleDays int
}) []string {
	var users []string
	for _, c := range closed {
		users = append(users, c.User)
	}
	return users
}
