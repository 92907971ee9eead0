package role

import (
	"context"
	"fmt"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/sql"
)

// AdmitTwin returns an error unless user may be set through the master: it is missing, or has no attribute and no membership
// that partner lacks, who has just logged in and became the shared role, and is known as partner's twin. The state is that of user.
// named says that the secret itself names the pair: then user must also own nothing and hold no grant.
func AdmitTwin(ctx context.Context, s *postgres.Session, t State, user, partner string, named bool) error {
	if t.Shared == "" {
		return &script.Refusal{Problem: fmt.Sprintf("the pair %q and %q has no shared role, and such a pair is not set through the master", partner, user),
			Cure: "name one in the secret's key \"role\""}
	}
	if t.CurrentUser != t.Shared {
		return &script.Refusal{Problem: fmt.Sprintf("user %q of AWSCURRENT logs in and is %q, not the shared role %q", partner, t.CurrentUser, t.Shared),
			Cure: "as a DBA, " + t.Becoming(partner)}
	}
	if !t.Exists {
		return nil
	}
	return AdmitPartner(ctx, s, t, user, partner, named)
}

// AdmitPartner is AdmitTwin for a user that exists, where the shared role is still to be made.
func AdmitPartner(ctx context.Context, s *postgres.Session, t State, user, partner string, named bool) error {
	excess, err := PendingExcess(ctx, s, user, partner, named)
	if err != nil {
		return err
	}
	if len(excess) > 0 {
		return &script.Refusal{Problem: fmt.Sprintf("user %q is no twin of %q, so the master does not set it: it has %s", user, partner, strings.Join(excess, ", ")),
			Cure: "take that from it, or name another user in the secret's key \"usernames\""}
	}
	return admitKnown(ctx, s, t, user, partner)
}

// admitKnown returns an error unless something that neither of the two can write says that they are a pair: setup's record, or a
// DBA's comment; or both become the role X of their own stem, X_a and X_b. Two people of one group, who have nothing that the other
// lacks, are no pair, and whoever writes the secret may name any two.
func admitKnown(ctx context.Context, s *postgres.Session, t State, user, partner string) error {
	if t.base != "" && t.Shared == t.base && t.LoginRole == t.base && t.PartnerLoginRole == t.base {
		return nil
	}
	var recorded, commented bool
	if err := s.Row(ctx, sql.Twin, nil, []any{user, partner, t.Shared}, &recorded, &commented); err != nil || recorded || commented {
		return err
	}
	return &script.Refusal{Problem: fmt.Sprintf("user %q exists, and nothing that it could not have said itself tells that it is the twin of %q, so the master does not set it", user, partner),
		Cure: fmt.Sprintf("run setup for the pair, or, if it is the twin, as a DBA: %s", script.MarkTwin(user, partner))}
}

// AdmitAdopted returns an error unless user may be adopted together with partner, who has just logged in: it is missing, the clone that
// AWS's multi-user function has made of the other, or known as its twin. What either has, both will. The state is that of user.
func AdmitAdopted(ctx context.Context, s *postgres.Session, t State, user, partner string) error {
	if !t.Exists {
		return nil
	}
	var clone bool
	if err := s.Row(ctx, sql.AdoptClone, nil, []any{user, partner}, &clone); err != nil || clone {
		return err
	}
	return admitKnown(ctx, s, t, user, partner)
}

// AdmitMaster is AdmitTwin in a master's session, for the user that p asks about, and an error too if the master may not set it.
// became is the role that AWSCURRENT's own session was.
func AdmitMaster(ctx context.Context, s *postgres.Session, p Pair, became string, named bool) error {
	t, err := ReadState(ctx, s, p)
	if err != nil {
		return err
	}
	if closed := t.directClosed(); t.Exists && closed != "" {
		return &script.Refusal{Problem: fmt.Sprintf("the master cannot set user %q: %s", p.User, closed), Cure: "as whoever made the user, or a superuser, " + t.permitting(p.User)}
	}
	t.CurrentUser, t.Proven = became, p.Partner
	return AdmitTwin(ctx, s, t, p.User, p.Partner, named)
}

// PendingExcess lists what user has that its partner lacks. Where the secret itself names the pair, owning anything or
// holding any grant counts too.
func PendingExcess(ctx context.Context, s *postgres.Session, user, partner string, named bool) ([]string, error) {
	var list []string
	var excess string
	err := s.Each(ctx, sql.PendingExcess, nil, []any{user, partner, named}, []any{&excess}, func() { list = append(list, excess) })
	return list, err
}
