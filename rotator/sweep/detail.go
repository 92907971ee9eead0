package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/sweep/policy"
)

// closing is a verdict as package role carries it out.
func (r *run) closing(v policy.Verdict, remake []string) account.Closing {
	c := account.Closing{StateSchema: r.place.Schema, Name: v.Account.Name, OID: v.Account.OID, LastActivity: v.Last, Detail: r.detail(v, remake)}
	if v.Account.ByFunction {
		c.Functions = r.found.Functions
	}
	return c
}

// detail is what an action rests on, for user_login_action. A later run reads the account.LockRecord in it.
func (r *run) detail(v policy.Verdict, remake []string) string {
	text, err := json.Marshal(struct {
		account.LockRecord
		DeleteDays   int        `json:"deleteDays"`
		IdleDays     int        `json:"idleDays"`
		EvidenceFrom *time.Time `json:"evidenceFrom"`
		EvidenceTo   *time.Time `json:"evidenceTo"`
		Reason       string     `json:"reason,omitempty"`
		Remake       []string   `json:"remake,omitempty"`
	}{
		LockRecord: account.LockRecord{LastActivity: v.Last, LockDays: r.options.LockDays},
		DeleteDays: r.options.DeleteDays, IdleDays: days(v.Idle),
		EvidenceFrom: pointer(r.evidence.From()), EvidenceTo: pointer(r.evidence.To()), Reason: v.Reason, Remake: remake,
	})
	if err != nil {
		return "{}" // times, numbers and strings: nothing here fails to encode
	}
	return string(text)
}

// logAction writes the copy of user_login_action that the database's owners cannot change.
func (r *run) logAction(ctx context.Context, message string, v policy.Verdict, more ...any) {
	attributes := []any{
		slog.String("secretId", r.secretID), slog.String("user", v.Account.Name), slog.Time("lastActivity", v.Last),
		slog.Int("idleDays", days(v.Idle)), slog.Time("evidenceFrom", r.evidence.From()), slog.Time("evidenceTo", r.evidence.To())}
	if v.Reason != "" {
		attributes = append(attributes, slog.String("reason", v.Reason))
	}
	r.log.InfoContext(ctx, message, append(attributes, more...)...)
}

// recordSpared notes whom this run has left alone for what the second reading found, beside what it has done to others.
func (r *run) recordSpared(ctx context.Context) error {
	if r.dryRun || len(r.report.Spared) == 0 {
		return nil
	}
	var names, details []string
	for _, s := range r.report.Spared {
		text, err := json.Marshal(map[string]string{"lastActivity": s.At.Format(time.RFC3339), "reason": "the second reading found: " + s.Kind, "instance": s.Instance})
		if err != nil {
			return fmt.Errorf("noting that %q was spared: %w", s.User, err)
		}
		names, details = append(names, s.User), append(details, string(text))
	}
	return account.RecordSpared(ctx, r.writer, r.place.Schema, names, details)
}
