package setup

import (
	"context"
	"fmt"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
)

// adopt gives the shared role what the users are, own and were granted, before they become it at login: the roles first, then database
// after database. Cut off between two of these it leaves users who have everything still, by themselves or through the shared role.
func (w *work) adopt(ctx context.Context) error {
	var adopted role.Adopted
	var as string
	var databases []role.Database
	err := w.admitted(ctx, func(ctx context.Context, session *postgres.Session, p plan) error {
		if w.report.Makes == nil {
			w.report.Makes = p.found.Missing(w.pair.User, w.pair.Partner, p.shared)
		}
		var changed []string
		var err error
		adopted, changed, err = role.AdoptRoles(ctx, session, w.roles(p, ""))
		w.report.Changed = append(w.report.Changed, changed...)
		if err != nil {
			return err
		}
		as = p.state.CurrentUser
		databases, err = role.AdoptDatabases(ctx, session, adopted)
		return err
	})
	if err != nil {
		return err
	}
	return w.adoptDatabases(ctx, adopted, as, databases)
}

// adoptDatabases goes through the secret's database and the others.
func (w *work) adoptDatabases(ctx context.Context, adopted role.Adopted, as string, others []role.Database) error {
	for _, database := range append([]role.Database{{Name: w.master.Server.Database}}, others...) {
		if database.Closed {
			return fmt.Errorf("database %q accepts no connections, and the users own objects or hold grants in it: as its owner, let it accept them (ALLOW_CONNECTIONS true), and run setup again", database.Name)
		}
		err := w.adoptDatabase(ctx, adopted, as, database.Name)
		for again := 0; postgres.Vanished(err) && again < mostAgain; again++ {
			err = w.adoptDatabase(ctx, adopted, as, database.Name)
		}
		if postgres.LockNotAvailable(err) {
			return fmt.Errorf("database %q: nothing is changed in it, since clients hold locks on what is to be given to the shared role, and are not kept waiting; run setup again at a quieter time: %w", database.Name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mostAgain is how often a database is begun with again because clients drop what is in it.
const mostAgain = 20

func (w *work) adoptDatabase(ctx context.Context, adopted role.Adopted, as, database string) error {
	return postgres.Attempt(ctx, func(ctx context.Context) error {
		session, err := w.open(ctx, database)
		if err != nil {
			return err
		}
		defer session.Close(ctx)
		changed, err := role.AdoptDatabase(ctx, session, adopted, as)
		if err == nil { // else none of it stays
			w.report.Changed = append(w.report.Changed, changed...)
		}
		return err
	})
}

// complete goes through the databases once more, for what clients have made until they became the shared role, and gives the partner the
// user's settings.
func (w *work) complete(ctx context.Context) error {
	err := w.admitted(ctx, func(ctx context.Context, session *postgres.Session, p plan) error {
		done, err := role.AdoptSettings(ctx, session, w.roles(p, ""))
		w.report.Changed, w.report.Left = append(w.report.Changed, done.Changed...), append(w.report.Left, done.Left...)
		return err
	})
	if err != nil {
		return err
	}
	return w.adopt(ctx)
}
