package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

// slip has the second idle role log in while a sweep locks it: a transaction that alters the role holds the sweep's ALTER ROLE up.
type slip struct {
	stays   bool // the role's session stays until the round's end
	point   int  // of the database, at which the sweep then ends; 0 = it does not
	kind    pgfault.Kind
	holder  *pgx.Conn
	session *pgx.Conn
	atLock  int // points up to the ALTER ROLE
}

// A role logs in while it is being locked, and the sweep ends at one of the messages that follow: before the lock is committed,
// before it looks again, before it has undone the lock. The next sweep undoes it, by the session or by the login in the log.
func TestLoginDuringALockThatIsCutShort(t *testing.T) {
	t.Parallel()
	prepare := laneArrangements[0].prepare
	for _, stays := range []bool{true, false} {
		t.Run(fmt.Sprintf("its session stays %v", stays), func(t *testing.T) {
			t.Parallel()
			l := newLane(t, prepare)
			quiet := &slip{stays: stays}
			last := 0
			if err := l.playSlip(quiet, func() { last = l.proxy.Points() }); err != nil {
				t.Fatal(err)
			}
			for _, after := range localtest.Points(last-quiet.atLock, 3) {
				point := quiet.atLock + after
				kind := pgfault.KillAfter
				if point%2 == 0 {
					kind = pgfault.CutAfter
				}
				if err := l.playSlip(&slip{stays: stays, point: point, kind: kind}, func() {}); err != nil {
					t.Errorf("point %d of %d to %d, %s: %v", point, quiet.atLock+1, last, kind, err)
				}
			}
		})
	}
}

// playSlip is one round with a slip; ended is called at its sweep's end.
func (l *lane) playSlip(s *slip, ended func()) (err error) {
	defer func() { err = errors.Join(err, s.close(l)) }()
	var held error
	return l.play(fault{arm: func(l *lane) func() bool {
		held = s.hold(l)
		l.proxy.Inject(s.point, s.kind, l.sweeper.Kill)
		return func() bool {
			ended()
			return s.point == 0 || l.proxy.Reached()
		}
	}, during: func(l *lane) error {
		if held != nil {
			return held
		}
		return s.during(l)
	}})
}

// during waits for the sweep to wait for the role, logs in, and lets the sweep go on.
func (s *slip) during(l *lane) (err error) {
	ctx := l.t.Context()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(pollPause) {
		var waits bool
		err := l.admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())").Scan(&waits)
		if err != nil {
			return err
		}
		if waits {
			break
		}
		if time.Now().After(deadline) {
			return errors.New("the sweep never waited for the role")
		}
	}
	s.atLock = l.proxy.Points()
	if s.session, err = pgx.Connect(ctx, l.PG.URL(l.idle[1], password, l.Database)); err != nil {
		return err
	}
	l.slipped = true
	if !s.stays {
		if err := s.session.Close(ctx); err != nil {
			return err
		}
	}
	_, err = s.holder.Exec(ctx, "ROLLBACK")
	return err
}

// hold begins the transaction that holds the sweep up.
func (s *slip) hold(l *lane) (err error) {
	if s.holder, err = pgx.Connect(l.t.Context(), l.Superuser()); err != nil {
		return err
	}
	for _, sql := range []string{"BEGIN", "ALTER ROLE " + l.idle[1] + " CONNECTION LIMIT 7"} {
		if _, err := s.holder.Exec(l.t.Context(), sql); err != nil {
			return err
		}
	}
	return nil
}

func (s *slip) close(l *lane) (err error) {
	for _, conn := range []*pgx.Conn{s.holder, s.session} {
		if conn != nil {
			err = errors.Join(err, conn.Close(context.WithoutCancel(l.t.Context())))
		}
	}
	return err
}
