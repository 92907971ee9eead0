// Package pgfault stands between a client and a PostgreSQL server, counts what the client asks of it, and at one of these points
// cuts the connection or has the client killed: before the server hears of it, or after it has carried it out and before the
// client hears of that. It understands connections without TLS.
package pgfault

// Kind is what happens at a point.
type Kind string

// The kinds of fault. After means that the server has answered and nothing of the answer has been passed on.
const (
	CutBefore  Kind = "connection cut before"
	CutAfter   Kind = "connection cut after"
	KillBefore Kind = "process killed before"
	KillAfter  Kind = "process killed after"
)

// Kinds lists them all.
func Kinds() []Kind {
	return []Kind{CutBefore, CutAfter, KillBefore, KillAfter}
}

// before: the server does not hear of the point.
func (k Kind) before() bool { return k == CutBefore || k == KillBefore }

func (k Kind) kills() bool { return k == KillBefore || k == KillAfter }
