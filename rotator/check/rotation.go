package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// rotation looks at what the next rotation needs.
func (c *Check) rotation(ctx context.Context, l *list, s subject, session *postgres.Session) {
	c.rotationOn(l, s)
	c.leftOver(l, s)
	partner, err := role.ReadState(ctx, session, role.Pair{User: s.pair.Partner, Partner: s.pair.User, Shared: s.value.Role, Base: s.pair.Base})
	if err != nil {
		l.fail("catalogs", err.Error(), "")
		return
	}
	own, err := role.ReadState(ctx, session, role.Pair{User: s.pair.User, Partner: s.pair.Partner, Shared: partner.Shared, Base: s.pair.Base})
	if err != nil {
		l.fail("catalogs", err.Error(), "")
		return
	}
	primary(l, s, partner)
	if !s.pair.Single() {
		sharedRole(l, s, own, partner)
		c.adoption(ctx, l, s, session, partner)
		record(ctx, l, s, session, partner)
	}
	passwordRoles(l, s, own, partner)
	ofPartner := c.previous(ctx, l, s)
	c.way(ctx, l, s, session, partner, ofPartner)
	c.upgrade(ctx, l, s, session, partner)
	c.validity(l, s, own)
	c.blueGreen(ctx, l, s)
	c.mirrors(ctx, l, s)
	upgrade(l, session, partner)
}

// rotationOn compares what the service tells of past and future rotations with the secret's rules: nothing else tells when
// rotations stop.
func (c *Check) rotationOn(l *list, s subject) {
	if why, _ := s.description.Overdue(time.Now()); why != "" {
		l.fail(rotationCheck, "rotation has stopped: "+why,
			toPaste("The function's log tells why attempts failed. This switches rotation on again, and rotates at once:", script.Rotate(s.id)))
		return
	}
	if on := s.description.Enabled; on == nil || !*on {
		l.advise(rotationCheck, "rotation is not switched on for this secret", toPaste("Switch it on by the stack's parameter RotationEnabled, or, where it was on before, by:", script.Rotate(s.id)))
		return
	}
	detail := "rotation is on"
	if s.description.Interval > 0 {
		detail += ", every " + s.description.Interval.String()
	}
	if !s.description.NextRotation.IsZero() {
		detail += ", next by " + s.description.NextRotation.UTC().Format(time.DateOnly)
	}
	l.pass(rotationCheck, detail)
}

// leftOver looks for an AWSPENDING that is not AWSCURRENT too: Secrets Manager refuses to rotate while there is one.
func (c *Check) leftOver(l *list, s subject) {
	version := s.description.VersionOf(secret.Pending)
	if version == "" || s.description.Has(version, secret.Current) {
		l.pass("pending", "no rotation is left unfinished")
		return
	}
	l.fail("pending", "version "+version+" is staged AWSPENDING: a rotation is under way, or was left unfinished, which blocks the next one",
		toPaste("If none is under way:", script.ClearPending(s.id, version)))
}

func primary(l *list, s subject, state role.State) {
	if state.Standby {
		l.fail("primary", s.value.Host+" is a reader (in recovery), where no password can be set", "Use the cluster's writer endpoint as host.")
		return
	}
	l.pass("primary", fmt.Sprintf("%s is the primary, PostgreSQL %d", s.value.Host, state.Version/10000))
}

// sharedRole looks at memberships and SET role of both users, and at whom AWSCURRENT became.
func sharedRole(l *list, s subject, own, partner role.State) {
	if partner.Shared == "" {
		l.advise("shared role", "the pair has none: what either user makes is its own", `Name one in the secret's key "role" and run setup, so that the pair shares its objects.`)
		return
	}
	for _, refusal := range []error{own.AdmitPair(), partner.AdmitPair()} {
		if refusal != nil {
			l.refuse("shared role", "", refusal, mendAndCheck+".")
			return
		}
	}
	if own.CurrentUser != partner.Shared {
		l.fail("shared role", fmt.Sprintf("AWSCURRENT logs in and is %q, not the shared role %q", own.CurrentUser, partner.Shared),
			toPaste("As the master:", script.BecomeAtLogin(s.pair.User, partner.Shared)))
		return
	}
	l.pass("shared role", fmt.Sprintf("AWSCURRENT logs in and is %q", partner.Shared))
	settingOfPartner(l, s, partner)
}

func settingOfPartner(l *list, s subject, partner role.State) {
	switch {
	case !partner.MayConnect:
		l.fail("other user", fmt.Sprintf("%q may not connect to database %q (CONNECT, or CONNECTION LIMIT 0)", s.pair.Partner, s.value.Database),
			toPaste("As the master:", script.AllowConnect(s.value.Database, s.pair.User, s.pair.Partner), script.LiftConnectionLimit(s.pair.Partner)))
	case !partner.Exists:
		l.advise("other user", fmt.Sprintf("%q does not exist", s.pair.Partner), "Setup makes it, and so does a rotation through masterarn.")
	case partner.LoginRole != partner.Shared:
		l.advise("other user", fmt.Sprintf("%q does not become %q when it logs in; the next rotation mends that", s.pair.Partner, partner.Shared), "")
	default:
		l.pass("other user", fmt.Sprintf("%q is a member of %q and becomes it when it logs in", s.pair.Partner, partner.Shared))
	}
}

func passwordRoles(l *list, s subject, own, partner role.State) {
	if own.IAM || partner.IAM {
		l.fail("rds_iam", "the pair is a member of rds_iam, directly or through another role: RDS refuses its passwords",
			toPaste("Where they are members through another role, take them out of that one; else, as the master:", script.LeaveIAM(s.pair.User, s.pair.Partner)))
	} else {
		l.pass("rds_iam", "neither user is a member of rds_iam")
	}
	if own.Restricted {
		l.advise("rds_password", "rds.restrict_password_commands is on: only members of rds_password set passwords", "setup grants it to the role that owns its function.")
	} else {
		l.pass("rds_password", "rds.restrict_password_commands is off")
	}
}

// previous logs in with AWSPREVIOUS, which clients may still hold, and tells whether that is the other user's credential. Only
// where it is for the same server: nobody who may write the secret has its password sent elsewhere.
func (c *Check) previous(ctx context.Context, l *list, s subject) (ofPartner bool) {
	if s.pair.Single() {
		l.pass("previous login", "the former password of a single user no longer logs in")
		return true
	}
	version := s.description.VersionOf(secret.Previous)
	if version == "" {
		l.pass("previous login", "there is no AWSPREVIOUS yet")
		return false
	}
	text, err := c.store.Stage(ctx, s.id, secret.Previous)
	var value secret.Value
	if err == nil {
		value, err = secret.Parse(text)
	}
	if err != nil {
		l.advise("previous login", "AWSPREVIOUS is not readable: "+err.Error(), "The next rotation replaces it.")
		return false
	}
	if differing := s.value.DifferingKeys(value); value.Username != s.pair.Partner || len(differing) > 0 {
		l.advise("previous login", "AWSPREVIOUS is not the other user's credential for this server: somebody changed the secret by hand", "The next rotation replaces it.")
		return false
	}
	session, err := c.opener.Open(ctx, s.server(), postgres.Login{User: value.Username, Password: value.Password})
	if err != nil {
		l.fail("previous login", err.Error(), "Clients that still hold AWSPREVIOUS cannot log in: let them fetch the secret, and rotate to put it right.")
		return false
	}
	session.Close(ctx)
	l.pass("previous login", value.Username+" logs in with AWSPREVIOUS")
	return true
}

// way tells which way setSecret will take.
func (c *Check) way(ctx context.Context, l *list, s subject, session *postgres.Session, partner role.State, ofPartner bool) {
	open, closed := partner.Ways(role.Means{Previous: ofPartner, ValidDays: c.options.ValidDays, Master: s.value.HasMaster()})
	if len(open) == 0 {
		l.fail("way", fmt.Sprintf("no way to set the password of %q (%s)", s.pair.Partner, strings.Join(closed, "; ")),
			`Run setup, or give the secret the key "masterarn".`)
		return
	}
	switch open[0] {
	case role.Directly:
		l.advise("way", "direct: the shared role has CREATEROLE", "Run setup before an upgrade to PostgreSQL 16: this way ends there, and on 15 it is power over every ordinary role.")
	case role.ByItself:
		if s.pair.Single() {
			l.pass("way", "own: the single user sets its own password")
			return
		}
		l.advise("way", "own: the user sets its own password, logged in with AWSPREVIOUS", "Run setup: this way ends when AWSPREVIOUS no longer logs in.")
	case role.ByMaster:
		c.masterWay(ctx, l, s, session, partner)
	default:
		l.pass("way", "function: the one that setup made in schema "+postgres.Quote(partner.FunctionSchema))
	}
}

// upgrade tells what has to be given while CREATEROLE is still enough to give it; nothing where that is all there.
func (c *Check) upgrade(ctx context.Context, l *list, s subject, session *postgres.Session, partner role.State) {
	statements, err := role.BeforeUpgrade(ctx, session, s.pair.User, s.pair.Partner, partner.Shared)
	switch {
	case err != nil:
		l.fail("upgrade", err.Error(), "")
	case len(statements) > 0:
		l.advise("upgrade", fmt.Sprintf("setup's function would end with an upgrade of PostgreSQL %d to 16 or later", partner.Version/10000),
			toPaste("Run setup again before the upgrade, or as the master:", strings.Join(statements, ";\n")+";"))
	}
}

func (c *Check) masterWay(ctx context.Context, l *list, s subject, session *postgres.Session, partner role.State) {
	var err error
	if !s.pair.Single() {
		err = role.AdmitTwin(ctx, session, partner, s.pair.Partner, s.pair.User, s.pair.Named)
	}
	if err == nil {
		err = c.masterLogin(ctx, s, partner)
	}
	if err != nil {
		l.refuse("way", "master: ", err, masterOfThisServer)
		return
	}
	l.advise("way", "master: the secret at masterarn", "Run setup: the master secret is then not needed again.")
}

const masterOfThisServer = "Let masterarn name the secret of this server's master user, with the password that the user has now, and run setup: the master is then not needed again."

// masterLogin logs in as the master and asks whether it may set the other user.
func (c *Check) masterLogin(ctx context.Context, s subject, partner role.State) error {
	found, err := c.master.Of(ctx, s.value)
	if err != nil {
		return err
	}
	session, err := c.opener.Open(ctx, found.Server, found.Login)
	if err != nil {
		return err
	}
	defer session.Close(ctx)
	if err := c.master.Admit(ctx, session, found, s.pair); err != nil {
		return err
	}
	if s.pair.Single() {
		return nil
	}
	question := role.Pair{User: s.pair.Partner, Partner: s.pair.User, Shared: s.value.Role, Base: s.pair.Base}
	return role.AdmitMaster(ctx, session, question, partner.CurrentUser, s.pair.Named)
}

// validity holds VALID UNTIL of AWSCURRENT and PASSWORD_VALID_DAYS beside the rotation interval.
func (c *Check) validity(l *list, s subject, own role.State) {
	if err := s.description.AdmitValidity(c.options.ValidDays); err != nil {
		l.fail("valid until", err.Error(), "Raise PASSWORD_VALID_DAYS, or rotate more often.")
		return
	}
	if own.ValidUntil.IsZero() {
		l.pass("valid until", "the password of AWSCURRENT does not expire")
		return
	}
	detail := fmt.Sprintf("the password of AWSCURRENT is valid until %s", own.ValidUntil.Format(time.RFC3339))
	if s.description.Interval > 0 && time.Until(own.ValidUntil) < s.description.Interval {
		l.advise("valid until", detail+", which is sooner than one rotation interval away", toPaste("Rotate before then:", script.Rotate(s.id)))
		return
	}
	l.pass("valid until", detail)
}
