package role

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// Record is a pair that setup has made, as it wrote it down in the database.
type Record struct {
	Role  string   `json:"role"`
	Users []string `json:"users"`
}

// SetupState is what setup must know before it touches anything.
type SetupState struct {
	UserExists    bool
	PartnerExists bool
	SharedExists  bool
	Records       []Record
}

// ReadSetupState looks for a pair, its shared role and the pairs that setup has made in this database before.
func ReadSetupState(ctx context.Context, s *postgres.Session, user, partner, shared string) (SetupState, error) {
	var t SetupState
	var comments []string
	err := s.Row(ctx, sql.SetupState, nil, []any{user, partner, shared},
		&t.UserExists, &t.PartnerExists, &t.SharedExists, &comments)
	t.Records = Records(comments)
	return t, err
}

// Records reads pairs of an owner role's name and comment. It leaves out what is no record, since a comment can be anything, and
// one that stands at another role than setup would have made for it: who may make roles could else speak for any.
func Records(owners []string) []Record {
	var found []Record
	for _, owner := range owners {
		var told [2]string
		var r Record
		if json.Unmarshal([]byte(owner), &told) != nil || json.Unmarshal([]byte(told[1]), &r) != nil {
			continue
		}
		if len(r.Users) == 2 && told[0] == ownerName(r.Role) {
			found = append(found, r)
		}
	}
	return found
}

// OwnerPrefix begins the name of each role that owns setup's functions.
const OwnerPrefix = "rotation_"

// ownerName is the name of the role and the schema that sql/setup.sql makes for a shared role: where it passes 63 bytes, as many
// characters as fit into 50 bytes, and a hash of the shared role's name.
func ownerName(shared string) string {
	const longest, kept, hashed = 63, 50, 12
	name := OwnerPrefix + shared
	if len(name) <= longest {
		return name
	}
	cut := kept
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	sum := sha256.Sum256([]byte(shared))
	return name[:cut] + "_" + hex.EncodeToString(sum[:])[:hashed]
}

// RecordOf is the record of a shared role.
func (t SetupState) RecordOf(shared string) (Record, bool) {
	at := slices.IndexFunc(t.Records, func(r Record) bool { return r.Role == shared })
	if at < 0 {
		return Record{}, false
	}
	return t.Records[at], true
}

// SetupPair is what sql/setup.sql is told.
type SetupPair struct {
	User        string
	Partner     string
	Shared      string
	Verifier    string // of User's password, where it is to be set; or ""
	StateSchema string
}

// changed begins each notice that tells what setup did.
const changed = "changed: "

// SetUp runs sql/setup.sql as the master and lists what it changed.
func SetUp(ctx context.Context, s *postgres.Session, p SetupPair) ([]string, error) {
	for _, parameter := range [][2]string{
		{"pgrotator.username", p.User}, {"pgrotator.partner", p.Partner}, {"pgrotator.role", p.Shared},
		{"pgrotator.verifier", p.Verifier}, {"pgrotator.state_schema", p.StateSchema}} {
		var set string
		if err := s.Row(ctx, sql.SetupParameter, nil, []any{parameter[0], parameter[1]}, &set); err != nil {
			return nil, err
		}
	}
	s.TakeNotices()
	if err := s.Exec(ctx, sql.Setup, postgres.Names{"state_schema": p.StateSchema}); err != nil {
		return nil, err
	}
	list := []string{}
	for _, notice := range s.TakeNotices() {
		if change, ok := strings.CutPrefix(notice, changed); ok {
			list = append(list, change)
		}
	}
	return list, nil
}
