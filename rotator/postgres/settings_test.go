package postgres_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/postgres"
	"pgrotator/sql"
)

// ownSettings are what a role may give itself that would end or stop every session of its own.
func ownSettings(major int) []string {
	settings := []string{
		"idle_session_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'", "statement_timeout = '1ms'", "lock_timeout = '1ms'",
		"default_transaction_read_only = on", "local_preload_libraries = 'no_such_library'", "client_min_messages = error",
		"search_path = 'nowhere'", "client_encoding = 'SQL_ASCII'", "standard_conforming_strings = off", "DateStyle = 'SQL, DMY'",
		"TimeZone = 'Asia/Tokyo'", "quote_all_identifiers = on", "transform_null_equals = on", "array_nulls = off", "jit = on",
	}
	if major >= 16 {
		settings = append(settings, "createrole_self_grant = 'set, inherit'")
	}
	if major >= 17 {
		settings = append(settings, "transaction_timeout = '1ms'")
	}
	return settings
}

// settled is what a session has whatever its role gives itself; "" is also what a server says that does not know the setting.
var settled = map[string]string{
	"idle_session_timeout": "0", "idle_in_transaction_session_timeout": "0", "statement_timeout": "5s", "lock_timeout": "3s",
	"default_transaction_read_only": "off", "local_preload_libraries": "", "client_min_messages": "notice",
	"search_path": "pg_catalog", "client_encoding": "UTF8", "standard_conforming_strings": "on", "DateStyle": "ISO, MDY",
	"TimeZone": "UTC", "quote_all_identifiers": "off", "transform_null_equals": "off", "array_nulls": "on", "jit": "off",
	"createrole_self_grant": "",
}

// Each by itself, and all together, on every major.
func TestRoleStopsItsOwnSessions(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, localpg.Options{TLS: true}, func(t *testing.T, pg *localpg.Server) {
		settings := ownSettings(pg.Major())
		for i, setting := range append(settings, "") {
			role := fmt.Sprintf("stops%d", i)
			pgtest.Exec(t, pg, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'p'", role))
			for _, each := range settings {
				if setting == "" || setting == each {
					pgtest.Exec(t, pg, fmt.Sprintf("ALTER ROLE %s SET %s", role, each))
				}
			}
			useSession(t, pg, role, setting)
		}
	})
}

// useSession works in a transaction, and idles between statements for longer than the role would.
func useSession(t *testing.T, pg *localpg.Server, role, setting string) {
	t.Helper()
	at := postgres.Server{Host: "localhost", Port: uint16(pg.Port()), Database: "postgres"}
	opener := postgres.Opener{Roots: postgres.NewRoots(pg.CAFile()), ApplicationName: "settings"}
	session, err := opener.Open(t.Context(), at, postgres.Login{User: role, Password: "p"})
	if err != nil {
		t.Errorf("%q: %v", setting, err)
		return
	}
	defer session.Close(t.Context())
	if setting == "" {
		mustBeSettled(t, pg, session)
	}
	err = session.Transaction(t.Context(), func() error {
		for range 2 {
			time.Sleep(20 * time.Millisecond) // nothing is waited for: the role's timeouts are 1 ms
			if err := session.Exec(t.Context(), sql.SessionBegin, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("%q: %v", setting, err)
	}
}

func mustBeSettled(t *testing.T, pg *localpg.Server, session *postgres.Session) {
	t.Helper()
	want := maps.Clone(settled)
	if pg.Major() >= 17 {
		want["transaction_timeout"] = "0"
	}
	for name, value := range want {
		var got string
		if err := session.Row(t.Context(), sql.SetupValue, nil, []any{name}, &got); err != nil || got != value {
			t.Errorf("%s is %q, error %v, want %q", name, got, err, value)
		}
	}
}
