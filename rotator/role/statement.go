package role

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgrotator/sql"
)

// names are the identifiers of a statement, by the word that stands for each in its file: :"role".
type names map[string]string

// in puts the quoted identifiers into a statement's text, in one pass, so that no name is read as another's placeholder.
func (n names) in(statement sql.Statement) string {
	pairs := make([]string, 0, 2*len(n))
	for word, name := range n {
		pairs = append(pairs, `:"`+word+`"`, quote(name))
	}
	return strings.NewReplacer(pairs...).Replace(statement.Text())
}

func quote(name string) string {
	return pgx.Identifier{name}.Sanitize()
}

// exec sends a statement that takes parameters only where the grammar has none (ALTER ROLE … PASSWORD): pgx quotes them.
func (s *Session) exec(ctx context.Context, statement sql.Statement, n names, args ...any) error {
	_, err := s.conn.Exec(ctx, n.in(statement), append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	return s.explain(statement, err)
}

// row reads a statement's single row. It is pgx.ErrNoRows' fault, unwrapped, where there is none.
func (s *Session) row(ctx context.Context, statement sql.Statement, n names, args []any, into ...any) error {
	return s.explain(statement, s.conn.QueryRow(ctx, n.in(statement), args...).Scan(into...))
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
		return serverText(pg) + fmt.Sprintf(` (rds.restrict_password_commands is on: GRANT rds_password to the role that sets passwords; this session was %q)`, e.User)
	}
	return serverText(pg)
}

func (s *Session) explain(statement sql.Statement, err error) error {
	if err == nil {
		return nil
	}
	return &StatementError{Statement: statement, User: s.user, Server: s.server, cause: err}
}
