package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
)

// What keeps a user from setting its own password, which only AWSPREVIOUS and a login can tell: the next way is taken.
var (
	errNotItsOwn = errors.New("AWSPREVIOUS is not this user's credential for this server")
	errRefused   = errors.New("the server refuses the user the passwords of AWSPREVIOUS and AWSPENDING")
)

// set takes the first way that is open. The catalogs have told which one is, but for the user's own password, which only a
// login can tell: where that is refused, the next way is taken.
func (r *Rotation) set(ctx context.Context, c change) (role.Way, error) {
	made, err := c.verifier()
	if err != nil {
		return "", err
	}
	open, closed := c.state.Ways(role.Means{Previous: c.previous != "" || c.pair.Single(), ValidDays: r.options.ValidDays, Master: c.current.HasMaster()})
	for _, way := range open {
		err := r.setBy(ctx, way, c, made)
		if !errors.Is(err, errNotItsOwn) && !errors.Is(err, errRefused) {
			return way, err
		}
		closed = append(closed, fmt.Sprintf("%s: %v", way, err))
	}
	return "", fmt.Errorf("no way to set the password of user %q on %s (%s): run setup for secret %s, or give it the key \"masterarn\" or \"masteriam\"",
		c.pair.Partner, c.current.Host, strings.Join(closed, "; "), c.step.SecretID)
}

func (r *Rotation) setBy(ctx context.Context, way role.Way, c change, made string) error {
	switch way {
	case role.ByFunction:
		return role.SetPasswordByFunction(ctx, c.session, c.state.FunctionSchema, c.pair.Partner, made, r.validUntil())
	case role.Directly:
		return r.setDirect(ctx, c, made)
	case role.ByItself:
		return r.setOwn(ctx, c, made)
	default:
		return r.setByMaster(ctx, c, made)
	}
}

func (r *Rotation) setDirect(ctx context.Context, c change, made string) error {
	if err := role.SetPassword(ctx, c.session, c.pair.Partner, made, r.validUntil()); err != nil {
		return err
	}
	return mendSetting(ctx, c.session, c)
}

// mendSetting makes the user become the shared role at login, where it does not yet.
func mendSetting(ctx context.Context, session *postgres.Session, c change) error {
	if c.state.Shared == "" || c.state.LoginRole == c.state.Shared {
		return nil
	}
	return role.SetRoleAtLogin(ctx, session, c.pair.Partner, c.state.Shared)
}

// setOwn has the user set itself: a single user in the session that has proven it, one of a pair logged in with AWSPREVIOUS. Refused,
// the pending password is tried: an earlier try may have set it and not lived to tell.
func (r *Rotation) setOwn(ctx context.Context, c change, made string) error {
	if c.pair.Single() {
		return role.SetOwnPassword(ctx, c.session, made)
	}
	session, err := r.openPrevious(ctx, c)
	if postgres.Refused(err) {
		return r.alreadySet(ctx, c)
	}
	if err != nil {
		return err
	}
	defer session.Close(ctx)
	return role.SetOwnPassword(ctx, session, made)
}

func (r *Rotation) alreadySet(ctx context.Context, c change) error {
	session, err := r.open(ctx, c.current, c.pair.Partner, c.pending.Password)
	if postgres.Refused(err) {
		return errRefused
	}
	if err != nil {
		return err
	}
	session.Close(ctx)
	return nil
}

// setByMaster sets or makes the user through the master, once it is certain that whoever wrote the secret gains nothing by it.
func (r *Rotation) setByMaster(ctx context.Context, c change, made string) error {
	if c.pair.Single() {
		return r.setSingleByMaster(ctx, c, made)
	}
	if err := role.AdmitTwin(ctx, c.session, c.state, c.pair.Partner, c.pair.User, c.pair.Named); err != nil {
		return err
	}
	session, err := r.openMaster(ctx, c)
	if err != nil {
		return err
	}
	defer session.Close(ctx)
	// Asked again where the answer cannot have been changed on its way: the secret's own session may be a plaintext one.
	if err := role.AdmitMaster(ctx, session, c.question(), c.state.CurrentUser, c.pair.Named); err != nil {
		return err
	}
	if !c.state.Exists {
		return role.CreateUser(ctx, session, c.pair.Partner, c.pair.User, c.state.Shared, made, r.validUntil())
	}
	if err := role.SetPassword(ctx, session, c.pair.Partner, made, r.validUntil()); err != nil {
		return err
	}
	return mendSetting(ctx, session, c)
}

// openMaster logs in as the master, who may be trusted with the pair.
func (r *Rotation) openMaster(ctx context.Context, c change) (*postgres.Session, error) {
	master, err := r.master.Of(ctx, c.current)
	if err != nil {
		return nil, err
	}
	if c.pair.Partner == master.Login.User {
		return nil, fmt.Errorf("user %q is the master itself, of %s: it is not one of a pair", c.pair.Partner, master.Source)
	}
	session, err := r.opener.Open(ctx, master.Server, master.Login)
	if err != nil {
		return nil, fmt.Errorf("logging in with %s: %w", master.Source, err)
	}
	if err := r.master.Admit(ctx, session, master, c.pair); err != nil {
		session.Close(ctx)
		return nil, err
	}
	return session, nil
}

// setSingleByMaster gives the user that has just proven itself its new password: whoever wrote the secret had the old one.
func (r *Rotation) setSingleByMaster(ctx context.Context, c change, made string) error {
	session, err := r.openMaster(ctx, c)
	if err != nil {
		return err
	}
	defer session.Close(ctx)
	return role.SetPassword(ctx, session, c.pair.Partner, made, r.validUntil())
}
