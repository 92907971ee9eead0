package loginlog

import "strings"

// maskLen is the length of the run of asterisks that the text begins with, which CloudWatch writes over sensitive data.
func maskLen(text string) int {
	n := 0
	for n < min(len(text), maxHost) && text[n] == '*' {
		n++
	}
	return n
}

// isMasked reports whether the text is asterisks alone.
func isMasked(text string) bool { return text != "" && maskLen(text) == len(text) }

// isMaskedPair reports whether nobody can read whose entry it is: the user is masked, perhaps with the @ and the database.
func isMaskedPair(pair string) bool {
	if !strings.HasPrefix(pair, "*") {
		return false
	}
	user, _, _ := strings.Cut(pair, "@")
	return isMasked(user)
}

// IsPartlyMasked reports whether the user of a prefix's "user@database" has a run of asterisks in its name, and other letters.
func IsPartlyMasked(pair string) bool {
	user, _, _ := strings.Cut(pair, "@")
	return strings.Contains(user, "**") && !isMasked(user)
}
