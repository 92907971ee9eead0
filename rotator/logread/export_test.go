package logread

import "time"

// Impatient has a reader of whole events leave each slice that is longer than a second and takes longer than that.
func Impatient(r Reader, patience time.Duration) Reader {
	r.(*eventReader).patience = patience
	return r
}
