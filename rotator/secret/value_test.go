package secret_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/secret"
)

const fixtures = "../../testdata/secrets"

// flaws are the fixtures, by name, and what each is refused with; nil = it is read.
var flaws = map[string][]string{
	"valid": nil, "port_a_text": nil, "ssl_text_false": nil,
	"no_json": {"is not a JSON object"}, "truncated": {"is not a JSON object"}, "list": {"is not a JSON object"}, "null": {"is not a JSON object"},
	"engine_missing":   {`"engine" is missing`},
	"host_missing":     {`"host" is missing`},
	"username_missing": {`"username" is missing`},
	"password_missing": {`"password" is missing`}, "password_empty": {`"password" is missing or empty`}, "password_null": {`"password" is missing`},
	"everything_missing":  {`"engine" is missing`, `"host" is missing`, `"username" is missing`, `"password" is missing`},
	"engine_mysql":        {`engine is "mysql"; expected postgres or aurora-postgresql`},
	"host_not_a_text":     {`"host" is not a string`},
	"password_not_a_text": {`"password" is not a string`},
	"username_too_long":   {`"username" is 64 bytes long; PostgreSQL's names end at 63`},
	"username_with_nul":   {`"username" holds a NUL`},
	"port_out_of_range":   {`"port" is not a port number`}, "port_zero": {`"port" is not a port number`}, "port_a_fraction": {`"port" is not a port number`},
	"ssl_a_number":  {`"ssl" is neither true nor false`},
	"usernames_one": {`"usernames" is not a list of two different names`}, "usernames_three": {"list of two different names"},
	"usernames_equal": {"list of two different names"}, "usernames_not_a_list": {"list of two different names"},
	"usernames_empty_name": {`"usernames" holds a name that is empty`},
	"role_too_long":        {`"role" is 64 bytes long`},
	"two_flaws":            {`engine is "mysql"`, `"port" is not a port number`},
}

// Every fault of a secret is told at once, and never its text.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, text := range readFixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, listed := flaws[name]
			if !listed {
				t.Fatalf("no expectation for %s.json", name)
			}
			_, err := secret.Parse(text)
			if want == nil {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("read; want %q", want)
			}
			for _, part := range want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("refused with %q; want %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret's text is shown: %q", err)
			}
		})
	}
}

// readFixtures reads every file, so that one without an expectation, or the other way round, is noticed.
func readFixtures(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(fixtures, "*.json"))
	if err != nil || len(paths) != len(flaws) {
		t.Fatalf("%d fixtures and %d expectations, error %v", len(paths), len(flaws), err)
	}
	texts := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(path), ".json")] = string(text)
	}
	return texts
}

func mustParse(t *testing.T, text string) secret.Value {
	t.Helper()
	v, err := secret.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	v := mustParse(t, `{"engine":"aurora-postgresql","host":"db","username":"app_a","password":"p","port":null,"dbname":""}`)
	if v.Port != 5432 || v.Database != "postgres" || v.Plaintext || v.Usernames != nil {
		t.Errorf("port %d, database %q, plaintext %v, usernames %q", v.Port, v.Database, v.Plaintext, v.Usernames)
	}
}

// A master secret that RDS manages holds a user and a password, and nothing else.
func TestParseMaster(t *testing.T) {
	t.Parallel()
	v, err := secret.ParseMaster(`{"username":"postgres","password":"p"}`)
	if err != nil || v.Host != "" || v.Username != "postgres" {
		t.Errorf("host %q, user %q, error %v", v.Host, v.Username, err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no password":  {`{"username":"postgres"}`, `"password" is missing`},
		"engine mysql": {`{"username":"u","password":"hunter2","engine":"mysql"}`, `engine is "mysql"`},
		"no JSON":      {`hunter2`, "is not a JSON object"},
	} {
		if _, err := secret.ParseMaster(c.text); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

func TestPair(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user, usernames string
		want            secret.Pair
		refusal         string
	}{
		"a":                           {"app_a", "", secret.Pair{User: "app_a", Partner: "app_b", Base: "app"}, ""},
		"b":                           {"app_b", "", secret.Pair{User: "app_b", Partner: "app_a", Base: "app"}, ""},
		"a of b":                      {"app_b_a", "", secret.Pair{User: "app_b_a", Partner: "app_b_b", Base: "app_b"}, ""},
		"neither":                     {"app", "", secret.Pair{}, "neither X_a nor X_b"},
		"upper case suffix":           {"app_A", "", secret.Pair{}, "neither X_a nor X_b"},
		"nothing before the suffix":   {"_a", "", secret.Pair{}, "neither X_a nor X_b"},
		"named":                       {"red", `["red","blue"]`, secret.Pair{User: "red", Partner: "blue", Named: true}, ""},
		"named the other way round":   {"red", `["blue","red"]`, secret.Pair{User: "red", Partner: "blue", Named: true}, ""},
		"named X_a and X_b":           {"app_a", `["app_b","app_a"]`, secret.Pair{User: "app_a", Partner: "app_b", Base: "app", Named: true}, ""},
		"named X_a and another":       {"app_a", `["app_a","other_b"]`, secret.Pair{User: "app_a", Partner: "other_b", Named: true}, ""},
		"neither of the names":        {"green", `["red","blue"]`, secret.Pair{}, `neither "red" nor "blue"`},
		"case of a name is respected": {"Red", `["red","blue"]`, secret.Pair{}, `neither "red" nor "blue"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := `{"engine":"postgres","host":"db","password":"p","username":"` + c.user + `"`
			if c.usernames != "" {
				text += `,"usernames":` + c.usernames
			}
			pair, err := mustParse(t, text+"}").Pair()
			if c.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), c.refusal) {
					t.Errorf("%+v, error %v; want %q", pair, err, c.refusal)
				}
				return
			}
			if err != nil || pair != c.want {
				t.Errorf("%+v, error %v; want %+v", pair, err, c.want)
			}
		})
	}
}

func TestDifferingKeys(t *testing.T) {
	t.Parallel()
	const head = `{"engine":"postgres","username":"app_a","password":"p","host":"db"`
	one := mustParse(t, head+`}`)
	same := mustParse(t, head+`,"port":"5432","dbname":"postgres","ssl":"true","comment":"x"}`)
	if keys := one.DifferingKeys(same); keys != nil {
		t.Errorf("defaults that are spelt out differ in %q", keys)
	}
	other := mustParse(t, `{"engine":"aurora-postgresql","username":"app_b","password":"q","host":"DB","port":1,"dbname":"d","ssl":false,
		"masterarn":"m","usernames":["app_a","app_b"],"role":"r"}`)
	want := []string{"engine", "host", "port", "dbname", "ssl", "masterarn", "usernames", "role"}
	if keys := one.DifferingKeys(other); !slices.Equal(keys, want) {
		t.Errorf("%q; want %q", keys, want)
	}
}
