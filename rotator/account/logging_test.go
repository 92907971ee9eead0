package account_test

import (
	"testing"

	"pgrotator/rotator/account"
)

// Values as a configuration file may have them are read as PostgreSQL reads them.
func TestHidingSetting(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		shown []string
		not   []string
	}{
		{"log_connections",
			[]string{"on", "ON", "true", "t", "tr", "TRU", "yes", "y", "ye", "1", "all", "authorization", "receipt, Authorization", `"authorization"`, "receipt,authentication,authorization,setup_durations"},
			[]string{"off", "of", "false", "f", "no", "n", "0", "", "receipt", "receipt,authentication", "setup_durations", "o"}},
		{"Log_Connections", []string{"on"}, []string{"off"}},
		{"log_min_messages", []string{"warning", "WARNING", "error", "log", "debug5"}, []string{"fatal", "Fatal", "PANIC"}},
		{"log_destination", []string{"stderr", "csvlog, STDERR", `csvlog,"stderr"`}, []string{"csvlog", "", "syslog,jsonlog"}},
		{"log_line_prefix", []string{"%t:%r:%u@%d:[%p]:"}, []string{"", "%m [%p] ", "%t:%r:%u@%d:[%p]: "}},
	} {
		s, found := account.HidingSetting(tt.name)
		if !found {
			t.Errorf("%s is not found", tt.name)
			continue
		}
		for _, value := range tt.shown {
			if !s.ShowsLogins(value) {
				t.Errorf("%s = %q shows logins", tt.name, value)
			}
		}
		for _, value := range tt.not {
			if s.ShowsLogins(value) {
				t.Errorf("%s = %q shows no logins", tt.name, value)
			}
		}
	}
	for _, name := range []string{"lc_messages", "log_error_verbosity", "log_disconnections", ""} {
		if _, found := account.HidingSetting(name); found {
			t.Errorf("%q hides no logins", name)
		}
	}
}
