// Package sql holds every statement the project sends, one act per .sql file.
//
// Values are parameters ($1). A name that cannot be one is written as psql writes it, :"role", and quoted by the role package.
package sql

import (
	"embed"
	"regexp"
)

//go:embed *.sql script/*.sql
var files embed.FS

// Statement is the name of a file of this folder, without its ending.
type Statement string

// include is psql's \ir, by which a script takes in another of this folder.
var include = regexp.MustCompile(`(?m)^\\ir (\w+)\.sql$`)

// Text is the file's content, with the files that it includes. Each constant below has its file, which a test holds.
func (s Statement) Text() string {
	text, err := files.ReadFile(string(s) + ".sql")
	if err != nil {
		panic(err)
	}
	return include.ReplaceAllStringFunc(string(text), func(line string) string {
		return Statement(include.FindStringSubmatch(line)[1]).Text()
	})
}

// The statements of rotation, setup and check.
const (
	RotationState     Statement = "rotation_state"
	SetOtherUser      Statement = "set_other_user"
	SetUserPassword   Statement = "set_user_password"
	SetOwnPassword    Statement = "set_own_password"
	SetRoleAtLogin    Statement = "set_role_at_login"
	SetOwnRoleAtLogin Statement = "set_own_role_at_login"
	CreatePairUser    Statement = "create_pair_user"
	GrantSharedRole   Statement = "grant_shared_role"
	PendingExcess     Statement = "pending_excess"
	Setup             Statement = "setup"
	SetupState        Statement = "setup_state"
	SetupParameter    Statement = "setup_parameter"
)
