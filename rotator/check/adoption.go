package check

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
)

// most is how many things of a kind the detail names.
const most = 20

// adoption looks, in every database, for what a user of the pair owns, was granted or is and the shared role lacks: the user loses it on
// becoming the shared role at login, and its twin never has it.
func (c *Check) adoption(ctx context.Context, l *list, s subject, session *postgres.Session, partner role.State) {
	if partner.Shared == "" {
		return
	}
	whom, err := role.Whom(ctx, session, s.pair.User, s.pair.Partner, partner.Shared)
	if err != nil {
		l.fail("adoption", err.Error(), "")
		return
	}
	lacking, err := role.LackingRoles(ctx, session, whom)
	here, further := role.Lacking(ctx, session, whom)
	asking, unseen := role.Asking(ctx, session, whom)
	databases, others := role.AdoptDatabases(ctx, session, whom)
	for _, err := range []error{err, further, unseen, others} {
		if err != nil {
			l.fail("adoption", "what the users own and were granted cannot be seen: "+err.Error(), "Mend what the detail names, then check again.")
			return
		}
	}
	lacking = append(lacking, here...)
	adoption := script.Adoption{User: s.pair.User, Partner: s.pair.Partner, Shared: partner.Shared}
	for _, database := range databases {
		there, askingThere := c.lackingIn(ctx, s, database, whom)
		if len(there) > 0 {
			adoption.Databases = append(adoption.Databases, database.Name)
		}
		lacking = append(lacking, in(database, there)...)
		asking = append(asking, in(database, askingThere)...)
	}
	if len(lacking) == 0 {
		l.pass("adoption", fmt.Sprintf("neither user owns anything or holds a grant that %q lacks, in any database", partner.Shared))
		return
	}
	detail := fmt.Sprintf("the shared role %q lacks what the users have: %s", partner.Shared, some(lacking))
	if len(asking) > 0 {
		detail += fmt.Sprintf(". No adoption changes what asks who the user is, who is %q afterwards; look at it before: %s", partner.Shared, some(asking))
	}
	l.fail("adoption", detail, toPaste(`Run setup with "adopt": true, which does all of this. Without it, the master does, by psql:`, script.Adopt(adoption)...))
}

// some is a list cut to what a person reads.
func some(list []string) string {
	text := strings.Join(list[:min(len(list), most)], "; ")
	if more := len(list) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func in(database role.Database, list []string) (told []string) {
	for _, what := range list {
		told = append(told, fmt.Sprintf("in database %q: %s", database.Name, what))
	}
	return told
}

// lackingIn logs in to another database. What cannot be read there is lacking: something of theirs is in it. asking is what in it asks who
// the user is.
func (c *Check) lackingIn(ctx context.Context, s subject, database role.Database, whom role.Adopted) (lacking, asking []string) {
	if database.Closed {
		return []string{"it accepts no connections, and the users own or hold something in it"}, nil
	}
	server := s.server()
	server.Database = database.Name
	session, err := c.opener.Open(ctx, server, postgres.Login{User: s.value.Username, Password: s.value.Password})
	if err != nil {
		return []string{"the users own or hold something in it that check cannot see: " + err.Error()}, nil
	}
	defer session.Close(ctx)
	lacking, err = role.Lacking(ctx, session, whom)
	asking, further := role.Asking(ctx, session, whom)
	if err := errors.Join(err, further); err != nil {
		return []string{"what the users own or hold in it cannot be seen: " + err.Error()}, nil
	}
	return lacking, asking
}
