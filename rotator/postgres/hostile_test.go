package postgres_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgrotator/rotator/postgres"
)

// message is one of the protocol's, whole.
func message(t *testing.T, m pgproto3.BackendMessage) []byte {
	t.Helper()
	encoded, err := m.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// hostile listens without TLS, takes in the startup message and has act do what it likes.
func hostile(t *testing.T, act func(conn net.Conn)) postgres.Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := readStartup(conn); err == nil {
					act(conn)
				}
			}()
		}
	}()
	return postgres.Server{Host: "127.0.0.1", Port: uint16(listener.Addr().(*net.TCPAddr).Port), Database: "postgres", Plaintext: true}
}

func readStartup(conn net.Conn) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(length[:])-4)
	_, err := io.ReadFull(conn, body)
	return body, err
}

// forever sends the same until the other side has had enough.
func forever(what []byte) func(net.Conn) {
	many := bytes.Repeat(what, 1+64<<10/len(what))
	return func(conn net.Conn) {
		for {
			if _, err := conn.Write(many); err != nil {
				return
			}
		}
	}
}

// askIterations begins SCRAM and asks for a number of iterations.
func askIterations(t *testing.T, count string) func(net.Conn) {
	begin := message(t, &pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}})
	return func(conn net.Conn) {
		if _, err := conn.Write(begin); err != nil {
			return
		}
		answer := make([]byte, 512)
		n, err := conn.Read(answer)
		if err != nil {
			return
		}
		_, nonce, _ := strings.Cut(string(answer[:n]), "r=")
		encoded, _ := (&pgproto3.AuthenticationSASLContinue{Data: []byte("r=" + nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=" + count)}).Encode(nil)
		_, _ = conn.Write(encoded)
		_, _ = conn.Read(answer) // the other side's end
	}
}

// A server that floods the function, or keeps it hashing, is left at once and told.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act  func(net.Conn)
		want string
	}{
		"notices":           {forever(message(t, &pgproto3.NoticeResponse{Severity: "NOTICE", Message: strings.Repeat("x", 1000)})), "more than 1 MiB before the login was over"},
		"parameters":        {forever(message(t, &pgproto3.ParameterStatus{Name: "x", Value: strings.Repeat("x", 1000)})), "more than 1 MiB before the login was over"},
		"one message":       {forever([]byte{'N', 0x40, 0, 0, 0}), "a message of more than 16 MiB"},
		"one long enough":   {forever(append([]byte{'N', 0, 0x80, 0, 0}, bytes.Repeat([]byte("x"), 8<<20)...)), "more than 1 MiB before the login was over"},
		"iterations":        {askIterations(t, "9999999"), `asks for "9999999" SCRAM iterations`},
		"iterations beyond": {askIterations(t, strings.Repeat("9", 5000)), `asks for "99999999999999999999" SCRAM iterations`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Opener{}.Open(t.Context(), hostile(t, c.act), postgres.Login{User: "u", Password: "p"})
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 1000 {
				t.Errorf("error %.1000v; want %q", err, c.want)
			}
		})
	}
}
