package loginlog

import "strings"

// hasUncutNames reports whether a text begins with names that PostgreSQL had not cut yet, and with a mark in them before an offset: so
// what stands behind that one is the client's own, up to the server's mark. ProcessStartupPacket (backend_startup.c, postmaster.c before
// 17) cuts them last, after it has refused a bad value of "replication", a packet that does not end as it should, and a user without a
// name. Whoever is logged in can write such an entry too, and takes nothing from anybody by that.
func (p *Parser) hasUncutNames(text string, from int) bool {
	for {
		bracket := strings.IndexByte(text[from:], '[')
		if bracket < 0 {
			return false
		}
		at := from + bracket - len(":")
		if from += bracket + len("["); !isPID(text[from:]) || text[at] != ':' {
			continue
		}
		var m mark
		if m.read(text, at) && p.refusesPacket(&m) {
			return true
		}
	}
}

func isPID(text string) bool { return text != "" && isDigit(text[0]) }

// refusesPacket reports whether a mark begins what PostgreSQL writes of a startup packet that it does not take, or a further part of that
// report: what it advises, where it stands in the source, and how the process ends.
func (p *Parser) refusesPacket(m *mark) bool {
	_, message := cutState(m.sqlstate, m.message)
	beginning := message[:min(len(message), 2*maxName)]
	switch m.severity {
	case severityFatal:
		return strings.Contains(beginning, "replication") || p.texts.find(message, usePacketRefusal, usePacketRefusal) != nil
	case severityHint:
		return strings.Contains(beginning, "database") && strings.Contains(beginning, "false")
	case severityLocation:
		return strings.HasPrefix(message, "ProcessStartupPacket,")
	case severityDebug:
		return strings.Contains(beginning, "exit(")
	}
	return false
}
