package evidence

import "pgrotator/rotator/logread"

// Masked reports a row that makes evidence incomplete: only an authorized session writes its entries, and its role's name is all
// asterisks. What a stranger can write under such a name is none.
func Masked(r logread.Row) bool { return masked(r) }
