package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/script"
	"pgrotator/rotator/sweep/evidence"
)

// sweep looks at what the next sweep needs.
func (c *Check) sweep(ctx context.Context, l *list, s subject, session *postgres.Session) {
	found, err := cluster.Describe(ctx, c.rds, s.value)
	settings := logSettings{faults: map[string][]string{}}
	writer := settings.look(ctx, "the writer", session)
	if err != nil {
		l.fail("instances", err.Error(), `Name the database in the secret's key "dbClusterIdentifier" or "dbInstanceIdentifier", and let the function's role describe it.`)
	} else {
		c.instances(ctx, l, s, found, &settings)
		c.logGroups(ctx, l, s, found)
		c.events(ctx, l, found)
		c.iam(ctx, l, s, session, found)
	}
	settings.report(l)
	c.policy(l, s)
	c.state(ctx, l, s, session, found, writer.CurrentUser)
}

// instances logs in on each reader, as a sweep does: it must see who is connected there, and its settings are its own.
func (c *Check) instances(ctx context.Context, l *list, s subject, found cluster.Cluster, settings *logSettings) {
	var unreachable []string
	unreachable = append(unreachable, found.Unreachable...)
	var names []string
	for _, instance := range found.Instances {
		names = append(names, instance.Name)
		if instance.Writer {
			continue
		}
		server := s.server()
		server.Host, server.Port = instance.Host, instance.Port
		session, err := c.opener.Open(ctx, server, postgres.Login{User: s.value.Username, Password: s.value.Password})
		if err != nil {
			unreachable = append(unreachable, err.Error())
			continue
		}
		settings.look(ctx, "instance "+instance.Name, session)
		session.Close(ctx)
	}
	if len(unreachable) > 0 {
		l.fail("instances", strings.Join(unreachable, " "), "Let the function reach each instance: while one cannot be seen, a sweep acts on nobody.")
		return
	}
	l.pass("instances", strings.Join(names, ", "))
}

// exporting is what has the logs of instances exported: in a cluster, of all at once.
func exporting(s subject, instances []string) string {
	if id := s.value.ClusterIdentifier; id != "" {
		return toPaste("Switch the export on:", script.ExportLog("cluster", id))
	}
	var commands []script.Command
	for _, id := range instances {
		commands = append(commands, script.ExportLog("instance", id))
	}
	return toPaste("Switch the export on:", commands...)
}

// logGroups looks whether each instance's log is exported, and readable where it is exported to.
func (c *Check) logGroups(ctx context.Context, l *list, s subject, found cluster.Cluster) {
	var off []string
	groups := map[string][]string{}
	for _, instance := range found.Instances {
		groups[instance.Group] = append(groups[instance.Group], instance.Name)
		if !instance.Exported {
			off = append(off, instance.Name)
		}
	}
	if len(off) > 0 {
		l.fail("log export", "the PostgreSQL log of "+strings.Join(off, ", ")+" is not exported to CloudWatch Logs",
			exporting(s, off))
	} else {
		l.pass("log export", "the PostgreSQL log is exported to CloudWatch Logs")
	}
	for group, instances := range groups {
		c.logGroup(ctx, l, group, instances, c.interval(s))
	}
}

// logSettings is what keeps instances' logs from showing logins, by the setting at fault.
type logSettings struct {
	unreadable []string
	faults     map[string][]string
}

// look asks an instance about itself and notes what is wrong with its settings.
func (f *logSettings) look(ctx context.Context, instance string, session *postgres.Session) account.Instance {
	state, err := account.ReadInstance(ctx, session)
	if err != nil {
		f.unreadable = append(f.unreadable, fmt.Sprintf("%s does not tell its settings: %v", instance, err))
		return state
	}
	for _, fault := range state.Logging.Faults() {
		f.faults[fault.Setting] = append(f.faults[fault.Setting],
			fmt.Sprintf("%s of %s is %s: logins leave no line", fault.Setting, instance, fault.Value))
	}
	return state
}

func (f *logSettings) report(l *list) {
	for _, s := range account.LoggingSettings {
		switch {
		case len(f.faults[s.Name]) > 0:
			l.fail(s.Name, strings.Join(f.faults[s.Name], "; "), "In the DB (cluster) parameter group, set "+s.Name+" to "+s.Good+".")
		case len(f.unreadable) > 0:
			l.fail(s.Name, strings.Join(f.unreadable, "; "), "Let the function reach each instance, and look at its settings.")
		default:
			l.pass(s.Name, s.Name+" lets the log of every instance show logins")
		}
	}
}

// state looks at the tables, at whom the sweep could not close, and at what it remembers. became is the role that AWSCURRENT became
// when it logged in.
func (c *Check) state(ctx context.Context, l *list, s subject, session *postgres.Session, described cluster.Cluster, became string) {
	found, err := account.ReadInstallation(ctx, session, s.pair.User, s.pair.Partner)
	if err != nil {
		l.fail("catalogs", err.Error(), "")
		return
	}
	found.Master = described.MasterUser
	tables, err := account.FindTables(ctx, session, c.options.StateSchema, found)
	if err != nil {
		tablesFault(l, err)
		return
	}
	tablesFound(l, tables)
	databases(l, found.Databases)
	own := []string{s.pair.User, s.pair.Partner, s.value.Role, became}
	accounts, err := account.List(ctx, session, tables.Schema, found)
	if err != nil {
		l.fail("roles", err.Error(), "")
		return
	}
	c.closable(l, s, accounts, found, account.NewExemptions([]string{described.MasterUser, s.value.MasterIAM}, own, found.Records))
	c.canary(ctx, l, s, session, tables.Schema, described)
}

const setUpForSweep = `Run setup with "for":"sweep" where this pair is to sweep; a pair that only rotates needs none.`

// tablesFault tells why there are no tables to work with. A pair that is not set up for the sweep is no fault.
func tablesFault(l *list, err error) {
	if errors.Is(err, account.ErrNoTables) {
		l.advise("tables", err.Error(), setUpForSweep)
		return
	}
	l.refuse("tables", "", err, "Run check again once the database answers.")
}

// tablesFound tells where the tables are and what setup has to do with them.
func tablesFound(l *list, t account.Tables) {
	place := "the sweep's tables are in schema " + postgres.Quote(t.Schema)
	switch {
	case t.Old:
		l.fail("tables", place+" and have the columns of version 1.0: a sweep acts on nobody", `Run setup with "for":"sweep", which brings them up to date.`)
	case t.Public:
		l.advise("tables", place+", as version 1.0 made them", `Run setup with "for":"sweep", which moves them to the owner role's schema.`)
	default:
		l.pass("tables", place+" and writable")
	}
}

// closable names the roles that a sweep could neither lock nor drop, though it looks after them.
func (c *Check) closable(l *list, s subject, accounts []account.Account, found account.Installation, exempt account.Exemptions) {
	terms, _ := c.terms(s)
	var beyond, unlogged []string
	directly := false
	for _, a := range accounts {
		directly = directly || a.Directly
		if a.CanLogin && a.Unlogged != "" {
			unlogged = append(unlogged, fmt.Sprintf("%q (%s)", a.Name, a.Unlogged))
			continue
		}
		_, excepted := account.Excepted(c.options.Ignore, a.Name, time.Now())
		excepted = excepted || account.Ignored(terms.Ignored, a.Name)
		looksAfter := a.CanLogin && exempt.Reason(a) == "" && !excepted
		if looksAfter && !a.ByFunction && !a.Directly {
			beyond = append(beyond, a.Name)
		}
	}
	if len(unlogged) > 0 {
		l.advise("names", "the log cannot show who is active by the names of these roles, which the sweep leaves alone: "+strings.Join(unlogged, ", "),
			"Give them names in ASCII where they shall be looked after.")
	}
	switch {
	case found.Functions == "" && !directly:
		l.advise("roles", "the pair is not set up for the sweep: its tables are there, setup's functions that lock and drop roles are not", setUpForSweep)
	case len(beyond) > 0:
		l.advise("roles", "may not be locked or dropped by the sweep, and are reported only: "+strings.Join(beyond, ", "),
			"Run setup again for roles made since, or close them by hand.")
	default:
		l.pass("roles", "every role that a sweep looks after can be locked and dropped")
	}
}

// canary tells when the sweep's own login was last found in each instance's log.
func (c *Check) canary(ctx context.Context, l *list, s subject, session *postgres.Session, stateSchema string, described cluster.Cluster) {
	records, err := account.ReadLogRecords(ctx, session, stateSchema)
	if err != nil {
		l.fail("canary", err.Error(), "")
		return
	}
	if len(records) == 0 {
		l.advise("canary", "no sweep has run yet", "A sweep acts from its second run on, once it finds its own login of the first in the log.")
	}
	for _, r := range records {
		canaryOf(l, r)
	}
	c.cover(ctx, l, s, described, records)
}

// events looks whether RDS tells what happened to the instances.
func (c *Check) events(ctx context.Context, l *list, found cluster.Cluster) {
	if _, err := cluster.Happened(ctx, c.rds, found); err != nil {
		l.advise("rds events", err.Error(), "Let the function's role call rds:DescribeEvents: then a gap in a log is told with what RDS says of that time. A sweep works without it.")
		return
	}
	l.pass("rds events", "what RDS tells of the instances is told with a gap in their logs")
}

// canaryOf passes where the last sweep found what the ones before had left. Its own login always waits for the next.
func canaryOf(l *list, r account.LogRecord) {
	seen := "never"
	if !r.CanarySeenAt.IsZero() {
		seen = r.CanarySeenAt.Format(time.RFC3339)
	}
	detail := fmt.Sprintf("instance %s: the sweep's own login was last found in the log %s; read up to %s, unbroken since %s",
		r.Instance, seen, r.ProcessedTo.Format(time.RFC3339), r.EvidenceFrom.Format(time.RFC3339))
	switch waiting := strings.Count(r.Canary, evidence.CanaryPrefix); {
	case waiting > 1:
		l.fail("canary", fmt.Sprintf("%s; logins of %d earlier sweeps are missing", detail, waiting-1),
			"Look whether the instance's log still arrives in CloudWatch Logs, and within INGESTION_LAG_SECONDS: while a login is missing, a sweep acts on nobody.")
	case r.Canary != "" && r.CanarySeenAt.IsZero():
		l.advise("canary", detail, "A sweep acts once it finds the login of the one before in the log.")
	default:
		l.pass("canary", detail)
	}
}
