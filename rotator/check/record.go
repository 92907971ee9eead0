package check

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
)

// record tells which secret setup has recorded the pair for: only that one is repaired and revoked without a login.
func record(ctx context.Context, l *list, s subject, session *postgres.Session, partner role.State) {
	found, err := role.ReadSetupState(ctx, session, s.pair.User, s.pair.Partner, partner.Shared)
	if err != nil {
		l.fail("record", err.Error(), "")
		return
	}
	made, known := found.RecordOf(partner.Shared)
	switch {
	case !known:
		l.pass("record", "setup has not made this pair: revoke asks for a version of the secret that logs in")
	case found.Secret == s.description.ARN:
		l.pass("record", "setup has recorded the pair for this secret")
	case found.Secret == "":
		l.advise("record", "setup has not recorded which secret the pair is of: a thief who changes both passwords can then not be revoked at once", "Run setup again.")
	default:
		l.advise("record", fmt.Sprintf("setup has recorded the pair for secret %s, and neither repairs nor revokes it for this one", found.Secret),
			toPaste("If this secret has taken that one's place, as the master:", script.RecordSecret(partner.Version, made.Owner(), s.description.ARN)))
	}
}
