package loginlog_test

import (
	"testing"

	"pgrotator/rotator/loginlog"
)

// What a session writes whose user seems to be masked in part is told, unless a role is called so. What a stranger has written is not.
func TestPartlyMaskedNames(t *testing.T) {
	t.Parallel()
	const login, ended = "LOG:  connection authorized: user=svc_*** database=app", "LOG:  disconnection: session time: 0:00:00.030 user=svc_*** database=app host=10.0.0.7 port=35542"
	shapes := map[string]string{
		login: "login under a partly masked name", ended: "disconnection under a partly masked name", "ERROR:  x": "ERROR under a partly masked name",
		"FATAL:  password authentication failed for user \"svc_***\"": "", "LOG:  pam_authenticate failed: x": "",
	}
	for message, want := range shapes {
		entry := at1 + "svc_***@app:[101]:" + message
		if e, _ := loginlog.New([]string{"alice"}, []string{"app"}).Parse(entry); e.Shape != want {
			t.Errorf("%q, want %q: %s", e.Shape, want, entry)
		}
		if e, _ := loginlog.New([]string{"svc_***"}, []string{"app"}).Parse(entry); e.Shape != "" {
			t.Errorf("%q of a role: %s", e.Shape, entry)
		}
	}
}
