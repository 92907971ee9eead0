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
	"valid": nil, "port_a_text": nil, "ssl_text_false": nil, "usernames_one": nil, "masteriam": nil, "mirrors": nil,
	"byte_order_mark": nil, "trailing_comma": nil, "encoded_twice": nil, "every_value_a_text": nil, "empty_texts": nil, "key_twice_alike": nil,
	"host_an_address": nil, "host_with_last_dot": nil,

	"no_json": {"is not a JSON object", "line 1, column 1"}, "truncated": {"the text breaks off at line 1, column 72"},
	"list": {"is not a JSON object"}, "null": {"is not a JSON object"},
	"encoded_thrice": {"is not a JSON object"}, "two_trailing_commas": {"line 1, column 74"}, "comment": {"line 1, column 75"},
	"quotes_of_a_word_processor": {"line 2, column 1"}, "password_with_a_quote": {"line 2, column 18"},
	"key_twice":        {`"host" stands twice with different values (line 1, column 29 and line 2, column 9)`},
	"key_in_capitals":  {`"username" is missing or empty; is it the one spelt "Username"?`},
	"engine_missing":   {`"engine" is missing`},
	"host_missing":     {`"host" is missing`},
	"username_missing": {`"username" is missing`},
	"password_missing": {`"password" is missing`}, "password_empty": {`"password" is missing or empty`}, "password_null": {`"password" is missing`},
	"everything_missing": {`"engine" is missing`, `"host" is missing`, `"username" is missing`, `"password" is missing`},
	"engine_mysql":       {`"engine" is "mysql"; expected postgres or aurora-postgresql (line 1, column 11)`},
	"two_flaws":          {`"engine" is "mysql"`, `"port" is "-1"`},

	"host_not_a_text":                     {`"host" is not a string`},
	"host_with_line_end":                  {`"host" is "db\r\n", with blanks, line ends or invisible characters around it`},
	"host_with_blank":                     {`"host" is " db", with blanks`},
	"host_with_zero_width":                {`"host" is "\u200bdb", with blanks`},
	"host_with_port":                      {`"host" is "db:5432": it holds a port`},
	"host_with_a_port_and_short_password": {`"host" is "db.example.com:5432": it holds a port`},
	"host_in_brackets":                    {`"host" is "[::1]": it has brackets`},
	"host_a_url":                          {`"host" is "https://db/": it is a URL`}, "host_a_url_with_password": {"it is a URL", "not shown"},
	"host_a_connection_string": {"neither a host name nor an address", "not shown"},
	"host_a_socket":            {`"host" is "/var/run/postgresql": it names a Unix socket`},
	"host_a_list":              {`"host" is "db1,db2": it is neither`}, "host_with_inner_blank": {`"db 1": it is neither`}, "host_not_ascii": {`"dätabase": it is neither`},

	"password_not_a_text": {`"password" is not a string`},
	"username_too_long":   {`"username" is 64 bytes long; PostgreSQL's names end at 63`},
	"username_with_nul":   {`"username" holds a NUL`},
	"username_with_blank": {`"username" is "app_a\n", with blanks`},
	"dbname_too_long":     {`"dbname" is 64 bytes long`}, "dbname_with_blank": {`"dbname" is "app ", with blanks`},
	"port_out_of_range": {`"port" is "65536"; expected a number from 1 to 65535`}, "port_zero": {`"port" is "0"; expected a number`},
	"port_a_fraction": {`"port" is "5432.5"; expected a number`}, "port_with_blank": {`"port" is "5432 "; expected`}, "port_a_word": {`"port" is "abc"; expected`},
	"ssl_a_number":  {`"ssl" is "1"; expected true or false`},
	"role_too_long": {`"role" is 64 bytes long`},

	"usernames_three": {"list of two different names"}, "usernames_equal": {"list of two different names"}, "usernames_not_a_list": {"list of two different names"},
	"usernames_empty": {`"usernames" is "[]"; expected a list of two different names`}, "usernames_empty_text": {`"usernames" is ""; expected`},
	"usernames_empty_name": {`"usernames" holds the name ""`}, "usernames_with_blank": {`"usernames" holds the name "app_b "`},
	"usernames_one_with_role": {`"role" is "app" beside "usernames" of one name`},

	"masterarn_with_blank":       {`"masterarn" is "arn:m\n", with blanks`},
	"masteriam_beside_masterarn": {`"masteriam" stands beside "masterarn"`}, "masteriam_one_of_the_pair": {`"masteriam" is "app_b", one of the users that rotate`},

	"mirrors_without_proxyhost": {`"mirrors" needs "proxyhost"`}, "proxyhost_without_mirrors": {`"proxyhost" needs "mirrors"`},
	"proxyhost_is_host":  {`"proxyhost" is the same as "host"`},
	"mirrors_of_a_third": {`names the users "app_a, app_b, app_c"; expected exactly ["app_a" "app_b"]`}, "mirrors_of_one": {`names the users "app_a"; expected exactly`},
	"mirrors_the_same": {`names one secret for both users`}, "mirrors_the_master": {`names the secret at "masterarn"`},
	"username_a_mail_address_with_blank": {`"username" is "jane@corp.com_a ", with blanks`}, "dbname_a_connection_string": {`"dbname" is a text of 25 bytes, not shown`},
	"dbname_a_credential": {`"dbname" is a text of 32 bytes, not shown`}, "role_a_document": {`"role" is a text of 23 bytes, not shown`},
	"usernames_a_document": {`"usernames" holds the name a text of`},
	"mirrors_not_an_arn":   {`gives user "app_b" a text of 7 bytes, not shown`}, "mirrors_a_list": {`expected an object with the ARN of a secret for each user`},
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
			if strings.Contains(err.Error(), "hunter") {
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
		"engine mysql": {`{"username":"u","password":"hunter2","engine":"mysql"}`, `"engine" is "mysql"`},
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
		"neither of the names":        {"green", `["red","blue"]`, secret.Pair{}, `is not in its key usernames, which names ["red" "blue"]`},
		"single":                      {"app", `["app"]`, secret.Pair{User: "app", Partner: "app", Named: true}, ""},
		"single, of another name":     {"app", `["red"]`, secret.Pair{}, `is not in its key usernames, which names ["red"]`},
		"case of a name is respected": {"Red", `["red","blue"]`, secret.Pair{}, `is not in its key usernames, which names ["red" "blue"]`},
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
			if err != nil || pair != c.want || pair.Single() != strings.HasPrefix(name, "single") {
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
		"masterarn":"m","usernames":["app_a","app_b"],"role":"r","mirrors":{"app_a":"arn:a","app_b":"arn:b"},"proxyhost":"proxy"}`)
	want := []string{"engine", "host", "port", "dbname", "ssl", "masterarn", "usernames", "role", "mirrors", "proxyhost"}
	if keys := one.DifferingKeys(other); !slices.Equal(keys, want) {
		t.Errorf("%q; want %q", keys, want)
	}
}

// Each shape that is read in another than its plain form, and what was read.
func TestShapesOfOneMeaning(t *testing.T) {
	t.Parallel()
	texts := readFixtures(t)
	plain := mustParse(t, texts["valid"])
	for _, name := range []string{"byte_order_mark", "encoded_twice", "empty_texts", "key_twice_alike"} {
		v := mustParse(t, texts[name])
		if keys := plain.DifferingKeys(v); keys != nil || v.Username != plain.Username || v.Password != plain.Password {
			t.Errorf("%s: user %q, %q differ", name, v.Username, keys)
		}
	}
	for name, names := range map[string][]string{"trailing_comma": {"app_a", "app_b"}, "every_value_a_text": {"app_a", "app_clone"}} {
		if v := mustParse(t, texts[name]); !slices.Equal(v.Usernames, names) || v.Password != "hunter2" {
			t.Errorf("%s: usernames %q", name, v.Usernames)
		}
	}
	v := mustParse(t, texts["every_value_a_text"])
	if v.Port != 5432 || v.Plaintext || v.Mirrors["app_clone"] != "arn:b" || v.ProxyHost != "proxy" {
		t.Errorf("port %d, plaintext %v, mirrors %q, proxy host %q", v.Port, v.Plaintext, v.Mirrors, v.ProxyHost)
	}
}

// A pending value has the form of the current one, so that clients go on reading it: what was encoded twice stays so, and so do
// keys whose value is a text.
func TestWithCredentialKeepsTheForm(t *testing.T) {
	t.Parallel()
	texts := readFixtures(t)
	for name, first := range map[string]string{"encoded_twice": `"`, "every_value_a_text": `{`, "byte_order_mark": `{`, "trailing_comma": `{`} {
		before := mustParse(t, texts[name])
		text, err := before.WithCredential("app_b", "next<>&")
		if err != nil || !strings.HasPrefix(text, first) {
			t.Fatalf("%s: %q, error %v", name, text, err)
		}
		after, err := secret.Parse(strings.Replace(text, "app_clone", "app_b", 2))
		if err != nil || after.Username != "app_b" || after.Password != "next<>&" {
			t.Errorf("%s: %q, error %v", name, text, err)
		}
	}
	if text, _ := mustParse(t, texts["every_value_a_text"]).WithCredential("app_a", "p"); !strings.Contains(text, `"port":"5432"`) {
		t.Errorf("the port is no text any more: %s", text)
	}
}

// What RDS Proxy reads: a user and a password, which its owner may not have set yet.
func TestParseMirror(t *testing.T) {
	t.Parallel()
	v, err := secret.ParseMirror(`{"username":"app_a","note":"kept"}`)
	if err != nil || v.Username != "app_a" || v.Password != "" {
		t.Fatalf("user %q, error %v", v.Username, err)
	}
	if text, err := v.WithCredential("app_a", "p"); err != nil || !strings.Contains(text, `"note":"kept"`) {
		t.Errorf("%s, error %v", text, err)
	}
	if _, err := secret.ParseMirror(`{"password":"hunter2"}`); err == nil || !strings.Contains(err.Error(), `"username" is missing`) {
		t.Errorf("error %v", err)
	}
}
