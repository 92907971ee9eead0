package postgres

import (
	"errors"
	"io"
	"testing"
)

// endless is a server that has let the session in and never stops sending.
type endless struct{ begun bool }

func (e *endless) Read(into []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(into, []byte{readyForQuery, 0, 0, 0, 5, 'I'}), nil
	}
	return len(into), nil
}

func TestSessionIsBounded(t *testing.T) {
	w := &wire{from: &endless{}}
	n, err := io.Copy(io.Discard, w)
	var flood excess
	if !errors.As(err, &flood) || n > mostInSession {
		t.Errorf("%d bytes, error %v", n, err)
	}
}

// What the server first asked for is known however the bytes arrive.
func TestWireSeesWhatIsAsked(t *testing.T) {
	login := []byte{authentication, 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4, authentication, 0, 0, 0, 8, 0, 0, 0, 0, readyForQuery, 0, 0, 0, 5, 'I'}
	for size := 1; size <= len(login); size++ {
		var w wire
		for from := 0; from < len(login); from += size {
			if err := w.look(login[from:min(from+size, len(login))]); err != nil {
				t.Fatal(err)
			}
		}
		if w.asked != askedMD5 || !w.over || w.partial != nil {
			t.Errorf("in parts of %d: asked %d, over %v", size, w.asked, w.over)
		}
	}
}
