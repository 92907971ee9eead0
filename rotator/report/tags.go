package report

import "fmt"

// tagLines are the tags that speak of the policy: those that are used as they stand, or the others.
func tagLines(tags []Tag, asTheyStand bool) []string {
	var lines []string
	for _, tag := range tags {
		if (tag.Why == "") == asTheyStand {
			lines = append(lines, tag.Line())
		}
	}
	return lines
}

// Line is a tag as people read it, with what came of it.
func (t Tag) Line() string {
	line := fmt.Sprintf("%s = %q", t.Key, t.Value)
	switch {
	case t.Why == "":
		return line
	case t.Used:
		return line + ": " + t.Why
	}
	return line + " is not used: " + t.Why
}
