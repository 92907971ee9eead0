package secret

import (
	"fmt"
	"slices"
	"strings"
)

// MaxNameBytes is the longest name PostgreSQL keeps (NAMEDATALEN − 1).
const MaxNameBytes = 63

// Pair is the two login roles that take turns being AWSCURRENT, or the single user, which follows itself.
type Pair struct {
	User    string // the one the secret's version names
	Partner string // the one that the next rotation sets: the other one, or User again
	// Base is X where the two are X_a and X_b, whichever way the pair was named; else "".
	Base string
	// Named says that the pair comes from the key usernames, which whoever writes the secret may choose freely.
	Named bool
}

// Single reports the single-user strategy: usernames has one name.
func (p Pair) Single() bool { return p.User == p.Partner }

// Pair tells which users the secret rotates between: those of usernames, else X_a and X_b.
func (v Value) Pair() (Pair, error) {
	if v.Usernames != nil {
		return v.namedPair()
	}
	base, partner := splitSuffix(v.Username)
	if base == "" {
		return Pair{}, fmt.Errorf("the secret's username %q is neither X_a nor X_b: name the pair in the key usernames, such as [%q, %q], or the single user alone, [%q]",
			v.Username, v.Username, v.Username+"_b", v.Username)
	}
	return Pair{User: v.Username, Partner: partner, Base: base}, nil
}

func (v Value) namedPair() (Pair, error) {
	at := slices.Index(v.Usernames, v.Username)
	if at < 0 {
		return Pair{}, fmt.Errorf("the secret's username %q is not in its key usernames, which names %q", v.Username, v.Usernames)
	}
	pair := Pair{User: v.Username, Partner: v.Usernames[len(v.Usernames)-1-at], Named: true}
	if base, partner := splitSuffix(v.Username); partner == pair.Partner {
		pair.Base = base
	}
	return pair, nil
}

// splitSuffix gives X and the other of X_a and X_b, or "" twice.
func splitSuffix(user string) (base, partner string) {
	if base, ok := strings.CutSuffix(user, "_a"); ok && base != "" {
		return base, base + "_b"
	}
	if base, ok := strings.CutSuffix(user, "_b"); ok && base != "" {
		return base, base + "_a"
	}
	return "", ""
}
