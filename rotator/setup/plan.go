package setup

import (
	"context"
	"fmt"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
)

// plan is what setup is about to do, and what it has found.
type plan struct {
	subject
	shared   string
	current  login
	repair   bool
	adopt    bool
	state    role.State // of the partner
	found    role.SetupState
	recorded bool // an earlier setup made this very pair
}

func newPlan(ctx context.Context, master *postgres.Session, of subject, current login, r Request) (plan, error) {
	v, pair := of.value, of.pair
	state, err := role.ReadState(ctx, master, question(pair, v))
	if err != nil {
		return plan{}, err
	}
	shared := state.Shared
	if shared == "" {
		shared = pair.Base
	}
	if shared == "" {
		return plan{}, fmt.Errorf(`the pair %q and %q has no shared role: name one in the secret's key "role"`, pair.User, pair.Partner)
	}
	if current.loggedIn {
		state.Proven = pair.User
	}
	found, err := role.ReadSetupState(ctx, master, pair.User, pair.Partner, shared)
	return plan{subject: of, shared: shared, current: current, repair: r.Repair, adopt: r.Adopt, state: state, found: found}, err
}

// admit refuses whatever would give the writer of the secret more than the secret itself: setup acts with the master's power.
//
//	a name of PostgreSQL, RDS, a superuser or the master           refused
//	the shared role is recorded for another pair                   refused
//	recorded for this pair: setup made it                          admitted; where AWSCURRENT does not log in, with repair only, as
//	                                                               admitSecret has it
//	AWSCURRENT does not log in: user and partner and role missing  admitted, all three are made
//	AWSCURRENT logs in, shared role missing                        admitted if the partner is missing too and the user has nothing that
//	                                                               it would lose by becoming a new role: a single user is adopted
//	AWSCURRENT logs in and becomes the shared role                 admitted if the partner is missing or its twin
//	asked to adopt: AWSCURRENT logs in, shared role missing        admitted if the partner is missing, its twin or its clone
//	        or AWSCURRENT may become it
func (p *plan) admit(ctx context.Context, masterUser string, master *postgres.Session) error {
	if err := p.admitNames(masterUser); err != nil {
		return err
	}
	record, known := p.found.RecordOf(p.shared)
	if known && !(record.Holds(p.pair.User) && record.Holds(p.pair.Partner)) {
		return fmt.Errorf("the shared role %q serves the pair %s already: give this secret's pair a role of its own (key \"role\"), or remove the other with sql/teardown.sql",
			p.shared, strings.Join(record.Users, ", "))
	}
	p.recorded = known
	switch {
	case p.adopt:
		return p.admitAdopt(ctx, master)
	case p.recorded:
		return p.admitRecorded()
	case !p.current.loggedIn:
		return p.admitFresh(ctx, master)
	case !p.found.SharedExists:
		return p.admitAdoption(ctx, master)
	}
	return p.admitTwin(ctx, master)
}

func (p *plan) admitNames(masterUser string) error {
	for _, name := range []string{p.pair.User, p.pair.Partner, p.shared} {
		if role.Reserved(name) || name == masterUser {
			return fmt.Errorf("%q is the master user, or a name that PostgreSQL or RDS keeps for its own roles: it is neither one of a pair nor a shared role", name)
		}
	}
	if p.shared == p.pair.User || p.shared == p.pair.Partner {
		return fmt.Errorf("the shared role %q is one of the pair: name a third role in the secret's key \"role\"", p.shared)
	}
	return p.state.AdmitUser()
}

func (p *plan) admitRecorded() error {
	if p.current.loggedIn || p.repair {
		return nil
	}
	return fmt.Errorf("AWSCURRENT does not log in: check tells whether the version before does, which is then to be made current again; only if the database was restored or the user dropped, run setup with \"repair\": true to give %q the secret's password: %w",
		p.pair.User, p.current.refused)
}

func (p *plan) admitFresh(ctx context.Context, master *postgres.Session) error {
	if !p.found.UserExists && !p.found.PartnerExists && !p.found.SharedExists {
		return nil
	}
	if p.found.UserExists {
		return fmt.Errorf("user %q exists, and AWSCURRENT does not log in as it: put its password into the secret (setup takes over nobody who has not logged in): %w",
			p.pair.User, p.current.refused)
	}
	becoming, err := p.becoming(ctx, master)
	if err != nil {
		return err
	}
	return fmt.Errorf("user %q does not exist, and %q or the shared role %q does: setup grants no role that it did not make: if the user is to be, as a DBA, %s and set the secret's password by psql's \\password; %s",
		p.pair.User, p.pair.Partner, p.shared, script.CreateUser(p.pair.User), becoming)
}

func (p *plan) admitAdoption(ctx context.Context, master *postgres.Session) error {
	if p.found.PartnerExists {
		if err := role.AdmitPartner(ctx, master, p.state, p.pair.Partner, p.pair.User, true); err != nil {
			return fmt.Errorf("setup takes over nobody who has not logged in, unless it is known as the other's twin: %w", err)
		}
	}
	own, err := role.PendingExcess(ctx, master, p.pair.User, p.pair.User, true)
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return fmt.Errorf("user %q has %s, which it would lose on becoming the new role %q at login: run setup with \"adopt\": true, which gives all of it to that role first; check lists it",
			p.pair.User, strings.Join(own, ", "), p.shared)
	}
	return nil
}

func (p *plan) admitAdopt(ctx context.Context, master *postgres.Session) error {
	if !p.current.loggedIn {
		return fmt.Errorf("AWSCURRENT does not log in as %q, and setup adopts nobody who has not logged in: put its password into the secret: %w", p.pair.User, p.current.refused)
	}
	if p.found.SharedExists && p.current.became != p.shared && !p.state.PartnerMember {
		return fmt.Errorf("role %q exists, and %q is no member of it, so it may be anybody's: name one that does not exist yet in the secret's key \"role\", which setup makes",
			p.shared, p.pair.User)
	}
	return role.AdmitAdopted(ctx, master, p.state, p.pair.Partner, p.pair.User)
}

func (p *plan) admitTwin(ctx context.Context, master *postgres.Session) error {
	if p.current.became != p.shared {
		becoming, err := p.becoming(ctx, master)
		if err != nil {
			return err
		}
		return fmt.Errorf("user %q logs in and is %q, not the existing role %q, and setup grants no role that it did not make: %s",
			p.pair.User, p.current.became, p.shared, becoming)
	}
	if !p.found.PartnerExists {
		return nil
	}
	if !p.state.Member {
		return fmt.Errorf("user %q exists and is not a member of %q: as a DBA, %s if it is one of the pair",
			p.pair.Partner, p.shared, script.Join(p.state.Version, p.shared, p.pair.Partner))
	}
	state := p.state
	state.CurrentUser = p.current.became
	return role.AdmitTwin(ctx, master, state, p.pair.Partner, p.pair.User, p.pair.Named)
}

// becoming is what has the AWSCURRENT user become the shared role at login, where that is there already. The secret only names it, so
// it can be anybody's: the statements are told where the user may become it anyway, or where nothing is gained by that.
func (p *plan) becoming(ctx context.Context, master *postgres.Session) (string, error) {
	if !p.found.SharedExists {
		return fmt.Sprintf("setup makes the role %q then", p.shared), nil
	}
	if p.state.OwnsShared() {
		return "as a DBA, " + p.state.Becoming(p.pair.User), nil
	}
	carried, err := role.Carried(ctx, master, p.pair.User, p.pair.Partner, p.shared)
	if err != nil {
		return "", err
	}
	if carried != "" {
		return fmt.Sprintf("nothing shows that %q is this pair's; the catalogs show of it: %s: whoever answers for that role decides whether the pair is to have what it has, and makes the user a member that becomes it at login; else name another in the secret's key \"role\": setup makes one that does not exist",
			p.shared, carried), nil
	}
	return fmt.Sprintf("the catalogs show no attribute, membership, object, grant or member of %q: if it is this pair's, as a DBA, %s %s",
		p.shared, script.Join(p.state.Version, p.shared, p.pair.User), script.BecomeAtLogin(p.pair.User, p.shared)), nil
}
