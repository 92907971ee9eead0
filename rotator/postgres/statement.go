package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/sql"
)

// Names are the identifiers of a statement, unquoted, by the word that stands for each in its file: "role" for :"role".
type Names map[string]string

// in puts the quoted identifiers into a statement's text, in one pass, so that no name is read as another's placeholder.
func (n Names) in(statement sql.Statement) string {
	if len(n) == 0 {
		return statement.Text()
	}
	pairs := make([]string, 0, 2*len(n))
	for word, name := range n {
		pairs = append(pairs, `:"`+word+`"`, Quote(name))
	}
	return strings.NewReplacer(pairs...).Replace(statement.Text())
}

// Quote writes a name as SQL does.
func Quote(name string) string {
	return pgx.Identifier{name}.Sanitize()
}

// Exec sends a statement, or a script of several, whose answer nobody reads. pgx itself quotes the values: PostgreSQL takes no
// parameters where the grammar has none (ALTER ROLE … PASSWORD).
func (s *Session) Exec(ctx context.Context, statement sql.Statement, n Names, args ...any) error {
	_, err := s.conn.Exec(ctx, n.in(statement), append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	return s.explain(statement, err)
}

// Row reads the single row of a statement with parameters. It is an error if there is none.
func (s *Session) Row(ctx context.Context, statement sql.Statement, n Names, args []any, into ...any) error {
	return s.explain(statement, s.conn.QueryRow(ctx, n.in(statement), args...).Scan(into...))
}

// Each reads a statement's rows into the same variables, one after the other, and calls row after each.
func (s *Session) Each(ctx context.Context, statement sql.Statement, n Names, args, into []any, row func()) error {
	rows, err := s.conn.Query(ctx, n.in(statement), args...)
	if err != nil {
		return s.explain(statement, err)
	}
	_, err = pgx.ForEachRow(rows, into, func() error {
		row()
		return nil
	})
	return s.explain(statement, err)
}

// Send sends a statement with parameters and tells how many rows it changed.
func (s *Session) Send(ctx context.Context, statement sql.Statement, n Names, args ...any) (int64, error) {
	tag, err := s.conn.Exec(ctx, n.in(statement), args...)
	return tag.RowsAffected(), s.explain(statement, err)
}

// Transaction commits what act did in the session, or none of it.
func (s *Session) Transaction(ctx context.Context, act func() error) error {
	return pgx.BeginFunc(ctx, s.conn, func(pgx.Tx) error { return act() })
}

// Begin opens a transaction that lasts until Rollback, or the session's end.
func (s *Session) Begin(ctx context.Context) (err error) {
	s.tx, err = s.conn.Begin(ctx)
	return err
}

// Rollback ends the transaction that Begin has opened.
func (s *Session) Rollback(ctx context.Context) error { return s.tx.Rollback(ctx) }

// NoRow reports that a statement gave no row.
func NoRow(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// LockNotAvailable reports that a lock was not had within lock_timeout.
func LockNotAvailable(err error) bool { return hasCode(err, lockNotAvailable) }

// Forbidden reports that the session's user may not do what a statement does.
func Forbidden(err error) bool { return hasCode(err, insufficientPrivilege) }

// DependedOn reports that something depends on what was to be dropped.
func DependedOn(err error) bool { return hasCode(err, dependentObjects) }

func hasCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

// StatementError is a statement that a database did not carry out.
type StatementError struct {
	Statement sql.Statement
	User      string
	Server    Server
	cause     error
}

func (e *StatementError) Error() string {
	return fmt.Sprintf("running %s as %q on %s, database %q: %s",
		e.Statement.Path(), e.User, e.Server.Address(), e.Server.Database, e.explain())
}

func (e *StatementError) Unwrap() error { return e.cause }

func (e *StatementError) explain() string {
	var pg *pgconn.PgError
	if !errors.As(e.cause, &pg) {
		return lastCause(e.cause)
	}
	if strings.Contains(pg.Message, "rds_password") {
		return serverText(pg) + fmt.Sprintf(` (rds.restrict_password_commands is on, and only members of rds_password set passwords: setup makes its owner role one; this session was %q)`, e.User)
	}
	return serverText(pg)
}

func (s *Session) explain(statement sql.Statement, err error) error {
	if err == nil {
		return nil
	}
	return &StatementError{Statement: statement, User: s.user, Server: s.server, cause: err}
}
