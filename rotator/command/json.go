package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"pgrotator/rotator/terminal"
)

// JSON is an answer in one line. Characters that a terminal would obey, which stand in strings only, are written as JSON escapes them,
// so that nothing is lost.
func JSON(answer []byte) string {
	var line bytes.Buffer
	if json.Compact(&line, answer) != nil {
		line.Reset()
		line.Write(answer)
	}
	var b strings.Builder
	for _, r := range line.String() {
		switch {
		case terminal.Safe(string(r)) == string(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
