package account_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgrotator/rotator/account"
)

// The detail of a lock says what it rests on; when it was made its row of user_login_action says, and no second time beside that.
func TestLockRecordIsWrittenWithoutItsTime(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(account.LockRecord{LastActivity: time.Date(2026, 8, 23, 17, 20, 4, 0, time.UTC), LockDays: 90})
	if want := `{"lastActivity":"2026-08-23T17:20:04Z","lockDays":90}`; err != nil || string(text) != want {
		t.Errorf("%s, error %v; want %s", text, err, want)
	}
}
