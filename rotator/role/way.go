package role

import (
	"fmt"
	"time"
)

// Way is how a user's password can be set.
type Way string

// The ways, in the order they are taken.
const (
	ByFunction Way = "function" // the SECURITY DEFINER function that setup made for the pair
	Directly   Way = "direct"   // ALTER ROLE as the shared role: PostgreSQL up to 15, with CREATEROLE
	ByItself   Way = "own"      // the user, logged in with the password that AWSPREVIOUS holds
	ByMaster   Way = "master"   // the master that the secret names, which also makes a missing user
)

// Means is what the secret and the environment add to what the catalogs tell.
type Means struct {
	Previous  bool // there is a version staged AWSPREVIOUS, which may name the user
	ValidDays int  // PASSWORD_VALID_DAYS
	Master    bool // the secret names a master
}

// Ways lists the ways that are open, best first, and says of each other one why it is closed. Nothing is tried: PostgreSQL
// would log the refusal, and with it the statement.
func (t State) Ways(m Means) (open []Way, closed []string) {
	for _, w := range []struct {
		way    Way
		closed string
	}{
		{ByFunction, t.functionClosed()},
		{Directly, t.directClosed()},
		{ByItself, t.itselfClosed(m)},
		{ByMaster, masterClosed(m)},
	} {
		if w.closed == "" {
			open = append(open, w.way)
		} else {
			closed = append(closed, string(w.way)+": "+w.closed)
		}
	}
	return open, closed
}

func (t State) functionClosed() string {
	switch {
	case t.FunctionSchema == "":
		return "there is no function of setup for this pair in this database that the session may call"
	case !t.Exists:
		return "the user does not exist"
	}
	return ""
}

// directClosed: up to PostgreSQL 15 CREATEROLE is enough; from 16 on ADMIN on the user is needed besides, which the members of
// a pair cannot have on each other.
func (t State) directClosed() string {
	switch {
	case !t.Exists:
		return "the user does not exist"
	case !t.MayAlter:
		return fmt.Sprintf("%q may not ALTER it", t.CurrentUser)
	case t.Restricted && !t.HasPasswordRole:
		return fmt.Sprintf("rds.restrict_password_commands is on and %q is not a member of rds_password", t.CurrentUser)
	}
	return ""
}

func (t State) itselfClosed(m Means) string {
	switch {
	case !t.Exists:
		return "the user does not exist"
	case !m.Previous:
		return "the secret has no AWSPREVIOUS"
	case m.ValidDays > 0:
		return "PASSWORD_VALID_DAYS is set, and a user cannot set its own VALID UNTIL"
	case !t.CanLogin:
		return "the user is NOLOGIN"
	case t.Expired:
		return "its VALID UNTIL has passed"
	case !t.ValidUntil.IsZero():
		return "its password expires at " + t.ValidUntil.Format(time.RFC3339) + ", and a user cannot set its own VALID UNTIL"
	case t.Restricted:
		return "rds.restrict_password_commands is on"
	}
	return ""
}

func masterClosed(m Means) string {
	if !m.Master {
		return `the secret has neither the key "masterarn" nor "masteriam"`
	}
	return ""
}
