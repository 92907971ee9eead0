package script_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/script"
)

// parts are what names are made of that somebody chose with a reader of SQL, psql, a shell or a terminal in mind.
var parts = []string{
	`"`, `'`, `\`, `\\`, `$$`, `$do$`, `;`, `--`, `/*`, `*/`, `:`, `:x`, `:'x'`, `:"role"`, `\!`, `\gexec`, `%I`, `%s`, "`id`", `$(id)`, `=`, ` `, `,`, `|`, `&`, `U&"`, `E'`,
	"\n", "\r", "\t", "\x1b[201~", "\x7f", "\u0085", "\u202e", "\u2028", "\ufeff", "é", "漢", "😀", "a", "A", "0", "pg_", "_", ".", "{", "}", "!", "~", "host=x", "://",
}

func adversarial(r *rand.Rand, bytes int) string {
	var name string
	for range 1 + r.IntN(8) {
		if part := parts[r.IntN(len(parts))]; len(name)+len(part) <= bytes {
			name += part
		}
	}
	if name == "" {
		return "a"
	}
	return name
}

// What psql reads of a quoted name or value is that name or value, whatever standard_conforming_strings is, and nothing in it is a key
// to the terminal that it is pasted into.
func TestPsqlReadsWhatWasQuoted(t *testing.T) {
	t.Parallel()
	needsPsql(t)
	r := rand.New(rand.NewPCG(1, 2))
	var names []string
	var b strings.Builder
	for i := range 600 {
		name := adversarial(r, 60)
		names = append(names, name)
		setting := []string{"on", "off"}[i%2]
		if pasted := script.Literal(name) + script.Ident(name); strings.ContainsFunc(pasted, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is pasted as %q", name, pasted)
		}
		b.WriteString("SET standard_conforming_strings = " + setting + ";\nINSERT INTO quoted SELECT " + script.Literal(name) + ", (SELECT pg_catalog.json_object_keys(pg_catalog.row_to_json(s)) FROM (SELECT 1 AS " + script.Ident(name) + ") AS s);\n")
	}
	conn := pgtest.Superuser(t, server)
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE quoting"); err != nil {
		t.Fatal(err)
	}
	user, secret := server.Superuser()
	at := server.URL(user, secret, "quoting")
	command := exec.CommandContext(t.Context(), "psql", "-Xq", "-v", "ON_ERROR_STOP=1", at)
	command.Stdin = strings.NewReader("CREATE TABLE quoted (value text, name text, n serial);\n" + b.String())
	if printed, err := command.CombinedOutput(); err != nil || len(printed) > 0 {
		t.Fatalf("psql: %v\n%s", err, printed)
	}
	rows, err := pgtest.Connect(t, at).Query(t.Context(), "SELECT value, name FROM quoted ORDER BY n")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	read := 0
	for ; rows.Next(); read++ {
		var value, name string
		if err := rows.Scan(&value, &name); err != nil {
			t.Fatal(err)
		}
		if value != names[read] || name != names[read] {
			t.Errorf("%q was read as %q and as the name %q", names[read], value, name)
		}
	}
	if err := rows.Err(); err != nil || read != len(names) {
		t.Errorf("%d of %d rows, error %v", read, len(names), err)
	}
}

// A shell hands on the argument as it was.
func TestShellReadsWhatWasQuoted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		argument := adversarial(r, 200)
		printed, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+script.ShellArgument(argument)).Output()
		if err != nil || string(printed) != argument {
			t.Errorf("%q was read as %q, error %v", argument, printed, err)
		}
	}
}

// psql connects to the very database, on the same server, or is given a comment.
func TestPsqlConnectsWhereItIsTold(t *testing.T) {
	t.Parallel()
	needsPsql(t)
	r := rand.New(rand.NewPCG(5, 6))
	conn := pgtest.Superuser(t, server)
	user, secret := server.Superuser()
	var b strings.Builder
	var want []string
	for range 12 {
		name := adversarial(r, 60)
		command, ok := script.Connect(name)
		if ok == strings.ContainsAny(name, "\n\r\t\x1b\x7f\u0085") {
			t.Errorf("a command for %q: %v", name, ok)
		}
		if !ok {
			continue
		}
		if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+ident(name)); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
		b.WriteString(command + "\nSELECT pg_catalog.to_json(pg_catalog.current_database());\n")
	}
	command := exec.CommandContext(t.Context(), "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", server.URL(user, secret, "postgres"))
	command.Stdin = strings.NewReader(b.String())
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s\n%s", err, b.String(), printed)
	}
	decoder := json.NewDecoder(bytes.NewReader(printed))
	for _, name := range want {
		var got string
		if err := decoder.Decode(&got); err != nil || got != name {
			t.Errorf("connected to %q, want %q, error %v", got, name, err)
		}
	}
}
