package loginlog

// noClient begins, after the timestamp, what a process without a client writes: the checkpointer, the postmaster.
const noClient = ":@:["

var serverEntries = map[use]ServerEntry{
	useReload: ReloadRequested, useChanged: ParameterChanged, useReset: ParameterReset, useStarting: Starting,
	useReady: Ready, usePromoted: Promoted, useShutDown: ShutDown, useNotShutDown: NotShutDown, useCrashed: CrashedBackend,
}

// parseServer reads an entry of the server's own: under the second prefix the severity follows without an application
// name (%q).
func (p *Parser) parseServer(stamp, rest string) (Event, Kind) {
	var m mark
	if !m.read(rest, len(":@")) || m.severity == noSeverity || m.start > 0 {
		return Event{Stamped: true, Shape: "server entry in an unknown form"}, Unknown
	}
	e := Event{Session: Session{PID: m.pid}, Entry: m.severity.String(), Stamped: true, Prefixed: true, stamp: stamp}
	if m.severity != severityLog {
		return e, Server
	}
	_, message := cutState(m.sqlstate, m.message)
	if x := p.texts.find(message, useReload, useCrashed); x != nil {
		e.Server = serverEntries[x.use]
		switch x.use {
		case useChanged:
			e.Parameter, e.Value = x.values(message)
		case useReset:
			e.Parameter, _ = x.values(message)
		}
	} else {
		e.Text = message
	}
	return e, Server
}
