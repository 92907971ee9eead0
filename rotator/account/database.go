package account

import (
	"context"
	"strings"
	"unicode/utf8"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/sql"
)

// Database is a database of the cluster.
type Database struct {
	OID               int64
	Name              string
	Owner             string // "" where this database's encoding has not its name
	AllowsConnections bool
	Unlogged          string // why the log cannot carry the name as the catalogue has it; "" = it can
}

func readDatabases(ctx context.Context, s *postgres.Session) ([]Database, error) {
	var list []Database
	var d Database
	var plain bool
	err := s.Each(ctx, sql.SweepDatabases, nil, nil, []any{&d.OID, &plain, &d.Name, &d.AllowsConnections, &d.Owner}, func() {
		d.Unlogged = unlogged(d.Name, plain)
		list = append(list, d)
	})
	return list, err
}

// unlogged says why a log cannot carry a name as the catalogue has it: the log holds the bytes that the client sent, which a session
// sees only if its database's encoding is UTF8, and CloudWatch Logs holds valid UTF-8; a publisher may cut entries at line ends.
// plain says that the session sees those bytes.
func unlogged(name string, plain bool) string {
	switch {
	case !plain:
		return "its name is not ASCII, and the encoding of the secret's database is not UTF8, so that the log may spell it otherwise"
	case !utf8.ValidString(name):
		return "its name is no valid UTF-8, so that the log spells it otherwise"
	case strings.ContainsAny(name, "\r\n"):
		return "its name holds a line end, at which the log may be cut"
	}
	return ""
}

// Rename is the statement that gives a database a name which the log can carry.
func (d Database) Rename() script.Statement { return script.RenameDatabase(d.OID) }
