package role

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/sql"
)

// Forever is VALID UNTIL for a password that does not expire.
const Forever = "infinity"

// SetPasswordByFunction has the function of setup set the pair's other user. validUntil is a timestamp or Forever. A function that
// sets anybody but user is an error, and what it did is undone.
func SetPasswordByFunction(ctx context.Context, s *postgres.Session, schema, user, verifier, validUntil string) error {
	return s.Transaction(ctx, func() error {
		var set string
		err := s.Row(ctx, sql.SetPasswordByFunction, postgres.Names{"schema": schema}, []any{verifier, validUntil}, &set)
		if err != nil {
			return err
		}
		if set != user {
			return fmt.Errorf("the function in schema %s set %q and not %q: run setup for this pair again", postgres.Quote(schema), set, user)
		}
		return nil
	})
}

// SetPassword alters another role directly.
func SetPassword(ctx context.Context, s *postgres.Session, user, verifier, validUntil string) error {
	return s.Exec(ctx, sql.SetPassword, postgres.Names{"user": user}, verifier, validUntil)
}

// SetOwnPassword alters the role that has logged in. It can set neither LOGIN nor VALID UNTIL.
func SetOwnPassword(ctx context.Context, s *postgres.Session, verifier string) error {
	return s.Exec(ctx, sql.SetOwnPassword, postgres.Names{"user": s.User()}, verifier)
}

// SetRoleAtLogin makes user become shared when it logs in.
func SetRoleAtLogin(ctx context.Context, s *postgres.Session, user, shared string) error {
	return s.Exec(ctx, sql.SetRoleAtLogin, postgres.Names{"user": user, "shared": shared})
}

// SetOwnRoleAtLogin makes the role that has logged in become shared from its next login on.
func SetOwnRoleAtLogin(ctx context.Context, s *postgres.Session, shared string) error {
	return s.Exec(ctx, sql.SetOwnRoleAtLogin, postgres.Names{"user": s.User(), "shared": shared})
}

// CreateUser makes the missing user of a pair, a member of the shared role that becomes it at login and is known as partner's twin.
func CreateUser(ctx context.Context, s *postgres.Session, user, partner, shared, verifier, validUntil string) error {
	return s.Transaction(ctx, func() error {
		if err := s.Exec(ctx, sql.CreateUser, postgres.Names{"user": user}, verifier, validUntil); err != nil {
			return err
		}
		if err := s.Exec(ctx, sql.GrantSharedRole, postgres.Names{"user": user, "shared": shared}); err != nil {
			return err
		}
		if err := s.Exec(ctx, sql.CommentTwin, postgres.Names{"user": user}, script.TwinComment(partner)); err != nil {
			return err
		}
		return SetRoleAtLogin(ctx, s, user, shared)
	})
}
