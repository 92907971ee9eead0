package script

// Refusal is an error that parts what is wrong from what people do about it.
type Refusal struct {
	Problem string
	Cure    string // a clause or a statement
}

// Error is both, for whoever gets an error's text alone.
func (r *Refusal) Error() string { return r.Problem + ": " + r.Cure }
