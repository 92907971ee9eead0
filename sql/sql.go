// Package sql holds every statement the project sends, one act per .sql file, in a folder per use: session/ each session's first,
// rotation/ the pair, master/ whoever is said to be the master, setup/ what setup asks first, adopt/ what makes a pair's things its
// shared role's, revoke/ what ends a thief, sweep/ the sweep's tables and what it asks of instances, roles/ what keeps a role from being
// dropped, and the acts themselves, script/ what people run. What calls a function of setup ends in _by_function. A DBA runs setup.sql,
// adopt.sql and teardown.sql with psql.
//
// Values are parameters ($1). A name that cannot be one is written as psql writes it, :"role", and quoted by the postgres package.
package sql

import (
	"bytes"
	"embed"
	"path"
	"regexp"
	"sync"
)

//go:embed *.sql */*.sql
var files embed.FS

// Statement is the path of a file of this folder, without its ending.
type Statement string

// include is psql's \ir, by which a script takes in another, named by its path from the script's own folder.
var include = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\\ir ([\w/.]+)\.sql$`) })

// Path is where the file is in the project.
func (s Statement) Path() string { return "sql/" + string(s) + ".sql" }

// Text is the file's content, with the files that it includes. Each constant below has its file, which a test holds.
func (s Statement) Text() string {
	text, err := files.ReadFile(string(s) + ".sql")
	if err != nil {
		panic(err)
	}
	if !bytes.Contains(text, []byte(`\ir `)) {
		return string(text) // nearly every statement; a pattern costs more than the rest of sending it
	}
	return include().ReplaceAllStringFunc(string(text), func(line string) string {
		return Statement(path.Join(path.Dir(string(s)), include().FindStringSubmatch(line)[1])).Text()
	})
}

// SessionBegin is the first statement of every session.
const SessionBegin Statement = "session/begin"

// The statements of rotation.
const (
	RotationState         Statement = "rotation/state"
	PendingExcess         Statement = "rotation/pending_excess"
	Twin                  Statement = "rotation/twin"
	SetPassword           Statement = "rotation/set_password"
	SetPasswordByFunction Statement = "rotation/set_password_by_function"
	SetOwnPassword        Statement = "rotation/set_own_password"
	SetRoleAtLogin        Statement = "rotation/set_role_at_login"
	SetOwnRoleAtLogin     Statement = "rotation/set_own_role_at_login"
	CreateUser            Statement = "rotation/create_user"
	CommentTwin           Statement = "rotation/comment_twin"
	GrantSharedRole       Statement = "rotation/grant_shared_role"
)

// MasterAdmin is what is asked of whoever is said to be the master.
const MasterAdmin Statement = "master/admin"

// The statements of setup. A DBA's setup.sql has the last three run in their order.
const (
	SetupState     Statement = "setup/state"
	SetupParameter Statement = "setup/parameter"
	SetupValue     Statement = "setup/value"
	SetupCarried   Statement = "setup/carried"
	SetupUpgrade   Statement = "setup/upgrade"
	SetupPair      Statement = "setup/pair"
	SetupTables    Statement = "setup/tables"
	SetupClosable  Statement = "setup/closable"
)

// The statements of an adoption: what check asks, and the acts in their order. A DBA's setup.sql and adopt.sql have them run too.
const (
	AdoptWhom      Statement = "adopt/whom"
	AdoptClone     Statement = "adopt/clone"
	AdoptTell      Statement = "adopt/tell"
	AdoptTellRoles Statement = "adopt/tell_roles"
	AdoptAsking    Statement = "adopt/asking"
	AdoptDatabases Statement = "adopt/databases"
	AdoptShared    Statement = "adopt/shared"
	AdoptRoles     Statement = "adopt/roles"
	AdoptDatabase  Statement = "adopt/database"
	AdoptSettings  Statement = "adopt/settings"
)

// The scripts for people, which no code sends: package script puts them together.
const (
	ScriptHeir       Statement = "script/heir"
	ScriptLacking    Statement = "script/lacking"
	ScriptRunsAsHeir Statement = "script/runs_as_heir"
	ScriptPassOn     Statement = "script/pass_on"
	ScriptDrop       Statement = "script/drop"
)

// The statements that end whoever holds a pair's credentials.
const (
	RevokeState        Statement = "revoke/state"
	RevokeExisting     Statement = "revoke/existing"
	RevokeJoin         Statement = "revoke/join"
	RevokeJoinBefore16 Statement = "revoke/join_before_16"
	RevokeLeave        Statement = "revoke/leave"
	RevokeTakeExecute  Statement = "revoke/take_execute"
	RevokeGiveExecute  Statement = "revoke/give_execute"
	RevokeCreateRole   Statement = "revoke/createrole"
	RevokeNoCreateRole Statement = "revoke/no_createrole"
	RevokeLock         Statement = "revoke/lock"
	RevokeSetPassword  Statement = "revoke/set_password"
	RevokeNotLocked    Statement = "revoke/not_locked"
	RevokeLetIn        Statement = "revoke/let_in"
	RevokeSessions     Statement = "revoke/sessions"
	RevokeEndSession   Statement = "revoke/end_session"
	RevokeLogins       Statement = "revoke/logins_under_way"
	RevokePrepared     Statement = "revoke/prepared"
	RevokeBecome       Statement = "revoke/become"
	RevokeRollBack     Statement = "revoke/roll_back_prepared"
)

// The statements that people are shown as cures, with a place for each name and value as psql has it.
const (
	CureLock                 Statement = "cure/lock"
	CureUnlock               Statement = "cure/unlock"
	CureLiftConnectionLimit  Statement = "cure/lift_connection_limit"
	CureAllowConnect         Statement = "cure/allow_connect"
	CureJoin                 Statement = "cure/join"
	CureJoinBefore16         Statement = "cure/join_before_16"
	CureBecomeAtLogin        Statement = "cure/become_at_login"
	CureForgetRoleIn         Statement = "cure/forget_role_in"
	CureLeaveIAM             Statement = "cure/leave_iam"
	CureLeaveSuperuser       Statement = "cure/leave_superuser"
	CureAllowPasswords       Statement = "cure/allow_passwords"
	CureCreateShared         Statement = "cure/create_shared"
	CureCreateUser           Statement = "cure/create_user"
	CureAllowAlter           Statement = "cure/allow_alter"
	CureGiveCreateRole       Statement = "cure/give_createrole"
	CureKeepAdmin            Statement = "cure/keep_admin"
	CureMarkTwin             Statement = "cure/mark_twin"
	CureRecordSecret         Statement = "cure/record_secret"
	CureRecordSecretBefore16 Statement = "cure/record_secret_before_16"
	CureRenameDatabase       Statement = "cure/rename_database"
)

// The statements that look at a role to be dropped, and that lock, unlock and drop.
const (
	Dependencies         Statement = "roles/dependencies"
	Members              Statement = "roles/members"
	IAMMembers           Statement = "roles/iam"
	Remake               Statement = "roles/remake"
	LockRole             Statement = "roles/lock"
	LockRoleByFunction   Statement = "roles/lock_by_function"
	UnlockRole           Statement = "roles/unlock"
	UnlockRoleByFunction Statement = "roles/unlock_by_function"
	DropRole             Statement = "roles/drop"
	DropRoleByFunction   Statement = "roles/drop_by_function"
)

// The statements of the sweep.
const (
	SweepTables       Statement = "sweep/tables"
	SweepTablesState  Statement = "sweep/tables_state"
	SweepTablesSchema Statement = "sweep/tables_schema"
	SweepTablesHold   Statement = "sweep/tables_hold"
	SweepInstance     Statement = "sweep/instance"
	SweepTakeLock     Statement = "sweep/take_lock"
	SweepHoldsLock    Statement = "sweep/holds_lock"
	SweepLockHolder   Statement = "sweep/lock_holder"
	SweepDatabases    Statement = "sweep/databases"
	SweepPair         Statement = "sweep/pair"
	SweepForget       Statement = "sweep/forget"
	SweepSync         Statement = "sweep/sync"
	SweepAccounts     Statement = "sweep/accounts"
	SweepHoldings     Statement = "sweep/holdings"
	SweepHistory      Statement = "sweep/history"
	SweepNote         Statement = "sweep/note"
	SweepRecordNote   Statement = "sweep/record_note"
	SweepRecordSpared Statement = "sweep/record_spared"
	SweepRecords      Statement = "sweep/records"
	SweepStore        Statement = "sweep/store"
	SweepStoreOld     Statement = "sweep/store_old"
	SweepSessions     Statement = "sweep/sessions"
	SweepLockedHere   Statement = "sweep/locked_here"
	SweepMark         Statement = "sweep/mark"
	SweepReactivate   Statement = "sweep/reactivate"
	SweepRecordLock   Statement = "sweep/record_lock"
	SweepRecordUnlock Statement = "sweep/record_unlock"
	SweepRecordDrop   Statement = "sweep/record_drop"
)
