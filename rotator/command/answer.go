package command

import (
	"encoding/json"
	"fmt"

	"pgrotator/rotator/check"
	"pgrotator/rotator/fleet"
	"pgrotator/rotator/report"
	"pgrotator/rotator/revoke"
	"pgrotator/rotator/setup"
	"pgrotator/rotator/terminal"
)

// Answer is what a command has found or done.
type Answer interface {
	// Well reports that nothing is left to do.
	Well() bool
	// Show writes it for a person.
	Show(*terminal.Page)
}

// Read reads the answer to a command, as this process or a deployed function gave it. One that is something else, {} too, is an error.
func Read(name string, answer []byte) (Answer, error) {
	a, key := emptyAnswer(name)
	var keys map[string]json.RawMessage
	err := json.Unmarshal(answer, &keys)
	if err == nil && (keys[key] == nil || string(keys[key]) == "null") {
		err = fmt.Errorf("it has no %s", key)
	}
	if err == nil {
		err = json.Unmarshal(answer, a)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s, which begins %q: %w", name, start(answer), err)
	}
	return a, nil
}

// emptyAnswer is what an answer is read into, and a key that it cannot be without.
func emptyAnswer(name string) (a Answer, key string) {
	switch name {
	case "check":
		return new(checked), "checks"
	case "setup":
		return new(madeReady), "changed"
	case Rotate:
		return new(Rotated), "version"
	case sweep:
		return new(swept), "evidence"
	case "revoke":
		return new(revoked), "steps"
	}
	return new(listed), "secrets"
}

// start is enough of an answer to see what it is.
func start(answer []byte) []byte {
	return answer[:min(200, len(answer))]
}

// The answers, each of an action's own type.
type (
	checked   struct{ check.Report }
	madeReady struct{ setup.Report }
	swept     struct{ report.Report }
	revoked   struct{ revoke.Report }
	listed    struct{ fleet.List }
)

// Rotated is the answer to rotate: the version that is AWSCURRENT now.
type Rotated struct {
	SecretID string `json:"secretId"`
	Version  string `json:"version"`
}

// Well is true: a rotation that has not ended is an error.
func (Rotated) Well() bool { return true }

// Show writes the version.
func (r Rotated) Show(p *terminal.Page) {
	p.Hang(terminal.Green, "  rotated  ", "AWSCURRENT is version "+r.Version)
}

// Well is whether every check passes.
func (c checked) Well() bool { return c.OK }

// Show writes a row for each thing looked at, with what to do below it.
func (c checked) Show(p *terminal.Page) {
	var rows []terminal.Row
	failed := 0
	for _, r := range c.Checks {
		row := terminal.Row{Ink: terminal.Green, Cells: []string{"ok", r.Name, r.Detail}, Note: r.Fix}
		if !r.OK {
			row.Ink, row.Cells[0] = terminal.Red, "FAILS"
			failed++
		}
		rows = append(rows, row)
	}
	p.Table(nil, rows)
	p.Line("")
	if failed == 0 {
		p.Say(fmt.Sprintf("All %d checks pass.", len(rows)))
	} else {
		p.Say(fmt.Sprintf("%d of %d checks fail.", failed, len(rows)))
	}
}

// Well is whether setup left nothing out.
func (m madeReady) Well() bool { return len(m.Left) == 0 }

// Show writes what was changed, and what could not be.
func (m madeReady) Show(p *terminal.Page) {
	for _, change := range m.Changed {
		p.Hang(terminal.Green, "  + ", change)
	}
	for _, left := range m.Left {
		p.Hang(terminal.Yellow, "  ! ", left)
	}
	if len(m.Changed) == 0 {
		p.Say("Nothing to change: all was there.")
	}
}

// Well is whether sessions were ended on every instance.
func (r revoked) Well() bool { return len(r.Unseen) == 0 }

// Show writes whose sessions were ended and what was done, in order.
func (r revoked) Show(p *terminal.Page) {
	var rows []terminal.Row
	for _, e := range r.Ended {
		rows = append(rows, terminal.Row{Cells: []string{e.Instance, e.User, fmt.Sprint(e.Sessions)}})
	}
	if len(rows) > 0 {
		p.Table([]string{"INSTANCE", "USER", "SESSIONS ENDED"}, rows)
		p.Line("")
	}
	for n, step := range r.Steps {
		p.Hang(terminal.Dim, fmt.Sprintf("  %2d  ", n+1), step)
	}
}

// Well is whether everything could be listed, and rotates.
func (l listed) Well() bool { return len(l.Overdue)+len(l.Faults) == 0 }

// Show writes the fleet, and then what is wrong with it.
func (l listed) Show(p *terminal.Page) {
	why := map[string]report.Overdue{}
	for _, o := range l.Overdue {
		why[o.SecretID] = o
	}
	var rows []terminal.Row
	for _, m := range l.Secrets {
		row := terminal.Row{Ink: terminal.Green, Cells: []string{"ok", m.SecretID, "rotated"}}
		if m.Sweep {
			row.Cells[2] = "swept"
		}
		if o, overdue := why[m.SecretID]; overdue {
			row.Ink, row.Cells[0], row.Note = terminal.Red, "OVERDUE", "since "+day(o.Since)+": "+o.Why
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		p.Say("No secret carries the tag " + fleet.Tag + ".")
	} else {
		p.Table([]string{"", "SECRET", ""}, rows)
	}
	for _, f := range l.Faults {
		p.Hang(terminal.Red, "  ! ", f.Subject+": "+f.Error)
	}
}
