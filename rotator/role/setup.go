package role

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/sql"
)

// Record is a pair that setup has made, as it wrote it down in the database.
type Record struct {
	Role  string   `json:"role"`
	Users []string `json:"users"`
}

// Holds reports whether user is of the recorded pair.
func (r Record) Holds(user string) bool { return slices.Contains(r.Users, user) }

// Owner is the name of the role that carries the record.
func (r Record) Owner() string { return ownerName(r.Role) }

// SetupState is what setup must know before it touches anything.
type SetupState struct {
	UserExists    bool
	PartnerExists bool
	SharedExists  bool
	Secret        string // the ARN of the secret that the pair of this shared role is recorded for in this database, or ""
	SchemaExists  bool   // that of the shared role's owner role, in this database
	Records       []Record
}

// Missing says whom setup would make, in a sentence each: whoever wrote the secret chose the names, and knows its password.
func (t SetupState) Missing(user, partner, shared string) []string {
	var missing []string
	if !t.SharedExists {
		missing = append(missing, fmt.Sprintf("role %q, which both users become", shared))
	}
	if !t.UserExists {
		missing = append(missing, fmt.Sprintf("user %q, who logs in with the password that the secret holds", user))
	}
	if !t.PartnerExists {
		missing = append(missing, fmt.Sprintf("user %q, who logs in from the first rotation on", partner))
	}
	return missing
}

// ReadSetupState looks for a pair, its shared role and the pairs that setup has made in this database before.
func ReadSetupState(ctx context.Context, s *postgres.Session, user, partner, shared string) (SetupState, error) {
	var t SetupState
	var comments []string
	err := s.Row(ctx, sql.SetupState, nil, []any{user, partner, shared, ownerName(shared)},
		&t.UserExists, &t.PartnerExists, &t.SharedExists, &t.Secret, &t.SchemaExists, &comments)
	t.Records = Records(comments)
	return t, err
}

// Records reads pairs of JSON lists: an owner role's name, its comment, and those of the pair that the role could not set. It leaves
// out what is no record, since a comment can be anything, one that stands at another role than setup would have made for it, and one
// whose owner could not set the pair: who may make roles could else speak for any.
func Records(owners []string) []Record {
	var found []Record
	for _, owner := range owners {
		var name, comment string
		var beyond []string
		var r Record
		if json.Unmarshal([]byte(owner), &[]any{&name, &comment, &beyond}) != nil || json.Unmarshal([]byte(comment), &r) != nil {
			continue
		}
		if len(r.Users) == 2 && name == ownerName(r.Role) && len(beyond) == 0 {
			found = append(found, r)
		}
	}
	return found
}

// Carried tells what a shared role that is there already has beside the pair, "" = nothing: attributes, memberships, objects and grants in
// every database, members other than the pair's users and those who have power over all roles.
func Carried(ctx context.Context, s *postgres.Session, user, partner, shared string) (what string, err error) {
	if err := setParameters(ctx, s, SetupPair{User: user, Partner: partner, Shared: shared}.names()...); err != nil {
		return "", err
	}
	if err := s.Exec(ctx, sql.SetupCarried, nil); err != nil {
		return "", err
	}
	err = s.Row(ctx, sql.SetupValue, nil, []any{"pgrotator.carried"}, &what)
	return what, err
}

// OwnerPrefix begins the name of each role that owns setup's functions.
const OwnerPrefix = "rotation_"

// ownerName is the name of the role and the schema that sql/setup.sql makes for a shared role.
func ownerName(shared string) string { return script.DerivedName(OwnerPrefix, shared) }

// RecordOf is the record of a shared role.
func (t SetupState) RecordOf(shared string) (Record, bool) {
	at := slices.IndexFunc(t.Records, func(r Record) bool { return r.Role == shared })
	if at < 0 {
		return Record{}, false
	}
	return t.Records[at], true
}

// What a setup, or a check, can be for.
const (
	ForRotation = "rotation"
	ForSweep    = "sweep"
)

// SetupPair is what the scripts of setup are told.
type SetupPair struct {
	User        string
	Partner     string
	Shared      string
	Verifier    string // of User's password, where it is to be set; or ""
	For         string // ForRotation takes away what only the sweep needs, but for its tables; ForSweep makes it; "" leaves it as it is
	StateSchema string // of the sweep's tables; "" = the owner role's
	Secret      string // the ARN of the secret to record for the pair; "" leaves what is recorded
	Adopt       bool   // AdoptRoles has looked at the shared role and at the partner already
}

func (p SetupPair) names() [][2]string {
	return [][2]string{{"pgrotator.username", p.User}, {"pgrotator.partner", p.Partner}, {"pgrotator.role", p.Shared}}
}

// setParameters hands names and values to the scripts, for this session.
func setParameters(ctx context.Context, s *postgres.Session, parameters ...[2]string) error {
	for _, parameter := range parameters {
		var set string
		if err := s.Row(ctx, sql.SetupParameter, nil, []any{parameter[0], parameter[1]}, &set); err != nil {
			return err
		}
	}
	return nil
}

// SetupOutcome is what setup has done.
type SetupOutcome struct {
	Changed []string // a sentence for each change
	Left    []string // and one for each role that the sweep cannot close, or whose ADMIN could not be taken back
}

// What begins the notices in which the scripts tell what they did.
const (
	changed = "changed: "
	left    = "left: "
)

// closableBatch is how many roles one statement grants: with 30,000 of them a GRANT takes 0.1 s.
const closableBatch = "50"

// SetUp runs setup's scripts as the master, each in a transaction of its own: the pair, the sweep's tables, ADMIN on the roles that
// the sweep may close.
func SetUp(ctx context.Context, s *postgres.Session, p SetupPair) (SetupOutcome, error) {
	sweep := map[string]string{ForSweep: "on", ForRotation: "off"}[p.For]
	adopt := map[bool]string{true: "on"}[p.Adopt]
	err := setParameters(ctx, s, append(p.names(), [2]string{"pgrotator.verifier", p.Verifier}, [2]string{"pgrotator.adopt", adopt},
		[2]string{"pgrotator.state_schema", p.StateSchema}, [2]string{"pgrotator.secret", p.Secret}, [2]string{"pgrotator.sweep", sweep}, [2]string{"pgrotator.batch", closableBatch})...)
	if err != nil {
		return SetupOutcome{}, err
	}
	o := SetupOutcome{Changed: []string{}}
	s.TakeNotices()
	if err := o.run(ctx, s, sql.SetupPair); err != nil {
		return o, err
	}
	if p.For == ForSweep {
		if err := o.run(ctx, s, sql.SetupTables); err != nil {
			return o, err
		}
	}
	return o, o.grantClosable(ctx, s)
}

// grantReserve is what is left of the caller's time when no further roles are granted.
const grantReserve = 10 * time.Second

// grantClosable grants batch after batch, as long as there is time. What is granted stays, and the next setup goes on from there.
func (o *SetupOutcome) grantClosable(ctx context.Context, s *postgres.Session) error {
	for {
		if err := o.run(ctx, s, sql.SetupClosable); err != nil {
			return err
		}
		var after string
		if err := s.Row(ctx, sql.SetupValue, nil, []any{"pgrotator.after"}, &after); err != nil || after == "" {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < grantReserve {
			o.Left = append(o.Left, fmt.Sprintf("the time is up, and the roles after %q are not looked at yet: run setup again, which goes on from there", after))
			return nil
		}
	}
}

// run runs one script and takes note of what it tells.
func (o *SetupOutcome) run(ctx context.Context, s *postgres.Session, script sql.Statement) error {
	err := s.Exec(ctx, script, nil)
	for _, notice := range s.TakeNotices() {
		if change, ok := strings.CutPrefix(notice, changed); ok {
			o.Changed = append(o.Changed, change)
		}
		if role, ok := strings.CutPrefix(notice, left); ok {
			o.Left = append(o.Left, role)
		}
	}
	return err
}
