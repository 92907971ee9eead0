package role

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgrotator/sql"
)

// Forever is VALID UNTIL for a password that does not expire.
const Forever = "infinity"

// SetOtherUser has the function of setup set the pair's other user. validUntil is a timestamp or Forever. A function that
// sets anybody but user is an error, and what it did is undone.
func (s *Session) SetOtherUser(ctx context.Context, schema, user, verifier, validUntil string) error {
	return s.transaction(ctx, func() error {
		var set string
		err := s.row(ctx, sql.SetPasswordByFunction, names{"schema": schema}, []any{verifier, validUntil}, &set)
		if err != nil {
			return err
		}
		if set != user {
			return fmt.Errorf("the function in schema %s set %q and not %q: run setup for this pair again", quote(schema), set, user)
		}
		return nil
	})
}

// SetUserPassword alters another role directly.
func (s *Session) SetUserPassword(ctx context.Context, user, verifier, validUntil string) error {
	return s.exec(ctx, sql.SetPassword, names{"user": user}, verifier, validUntil)
}

// SetOwnPassword alters the role that has logged in. It can set neither LOGIN nor VALID UNTIL.
func (s *Session) SetOwnPassword(ctx context.Context, verifier string) error {
	return s.exec(ctx, sql.SetOwnPassword, names{"user": s.user}, verifier)
}

// SetRoleAtLogin makes user become shared when it logs in.
func (s *Session) SetRoleAtLogin(ctx context.Context, user, shared string) error {
	return s.exec(ctx, sql.SetRoleAtLogin, names{"user": user, "shared": shared})
}

// SetOwnRoleAtLogin makes the role that has logged in become shared from its next login on.
func (s *Session) SetOwnRoleAtLogin(ctx context.Context, shared string) error {
	return s.exec(ctx, sql.SetOwnRoleAtLogin, names{"user": s.user, "shared": shared})
}

// CreatePairUser makes the missing user of a pair, a member of the shared role that becomes it at login.
func (s *Session) CreatePairUser(ctx context.Context, user, shared, verifier, validUntil string) error {
	return s.transaction(ctx, func() error {
		if err := s.exec(ctx, sql.CreateUser, names{"user": user}, verifier, validUntil); err != nil {
			return err
		}
		if err := s.exec(ctx, sql.GrantSharedRole, names{"user": user, "shared": shared}); err != nil {
			return err
		}
		return s.SetRoleAtLogin(ctx, user, shared)
	})
}

// PendingExcess lists what user has that its partner lacks. Where the secret itself names the pair, owning anything or
// holding any grant counts too.
func (s *Session) PendingExcess(ctx context.Context, user, partner string, named bool) ([]string, error) {
	rows, err := s.conn.Query(ctx, sql.PendingExcess.Text(), user, partner, named)
	if err != nil {
		return nil, s.explain(sql.PendingExcess, err)
	}
	excess, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return excess, s.explain(sql.PendingExcess, err)
}

// transaction commits what act did, or none of it.
func (s *Session) transaction(ctx context.Context, act func() error) error {
	return pgx.BeginFunc(ctx, s.conn, func(pgx.Tx) error { return act() })
}
