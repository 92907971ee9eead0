package sweep

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"pgrotator/rotator/account"
)

// closing is a verdict as package role carries it out.
func (r *run) closing(v verdict, remake []string) account.Closing {
	c := account.Closing{StateSchema: r.options.StateSchema, Name: v.account.Name, OID: v.account.OID, LastActivity: v.last, Detail: r.detail(v, remake)}
	if v.account.ByFunction {
		c.Functions = r.found.Functions
	}
	return c
}

// detail is what an action rests on, for user_login_action. A later run reads the account.LockRecord in it.
func (r *run) detail(v verdict, remake []string) string {
	text, err := json.Marshal(struct {
		account.LockRecord
		DeleteDays   int        `json:"deleteDays"`
		IdleDays     int        `json:"idleDays"`
		EvidenceFrom *time.Time `json:"evidenceFrom"`
		EvidenceTo   *time.Time `json:"evidenceTo"`
		Reason       string     `json:"reason,omitempty"`
		Remake       []string   `json:"remake,omitempty"`
	}{
		LockRecord: account.LockRecord{LastActivity: v.last, LockDays: r.options.LockDays},
		DeleteDays: r.options.DeleteDays, IdleDays: days(v.idle),
		EvidenceFrom: pointer(r.evidence.from()), EvidenceTo: pointer(r.evidence.to()), Reason: v.reason, Remake: remake,
	})
	if err != nil {
		return "{}" // times, numbers and strings: nothing here fails to encode
	}
	return string(text)
}

// logAction writes the copy of user_login_action that the database's owners cannot change.
func (r *run) logAction(ctx context.Context, message string, v verdict, more ...any) {
	attributes := []any{
		slog.String("secretId", r.secretID), slog.String("user", v.account.Name), slog.Time("lastActivity", v.last),
		slog.Int("idleDays", days(v.idle)), slog.Time("evidenceFrom", r.evidence.from()), slog.Time("evidenceTo", r.evidence.to())}
	if v.reason != "" {
		attributes = append(attributes, slog.String("reason", v.reason))
	}
	r.log.InfoContext(ctx, message, append(attributes, more...)...)
}
