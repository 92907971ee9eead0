package script

import (
	"fmt"
	"slices"
	"strings"
)

// Former is what would make a role again that is about to be dropped, but for its password and what it owned.
type Former struct {
	Name            string       `json:"name"`
	CreateDB        bool         `json:"createdb"`
	CreateRole      bool         `json:"createrole"`
	Inherit         bool         `json:"inherit"`
	Replication     bool         `json:"replication"`
	BypassRLS       bool         `json:"bypassrls"`
	ConnectionLimit int          `json:"connectionLimit"` // negative = none
	ValidUntil      string       `json:"validUntil"`      // as PostgreSQL prints it; "" = not set
	Memberships     []Membership `json:"memberships"`     // its own, and others' in it
	Settings        []Setting    `json:"settings"`
	Comment         string       `json:"comment"`
}

// Membership is one role's in another.
type Membership struct {
	Role    string `json:"role"`
	Member  string `json:"member"`
	Admin   bool   `json:"admin"`
	Inherit *bool  `json:"inherit"` // nil up to PostgreSQL 15
	Set     *bool  `json:"set"`
}

// Setting is one that holds for a role.
type Setting struct {
	Database string `json:"database"` // "" = all
	Name     string `json:"name"`
	Value    string `json:"value"` // as pg_db_role_setting holds it
}

// Remake lists the statements that make a role again. Its settings and comment are what the role chose itself.
func Remake(f Former) []Statement {
	list := []Statement{createFormer(f)}
	for _, m := range f.Memberships {
		list = append(list, fill(`GRANT :"role" TO :"member"`+m.options()+`;`, "role", m.Role, "member", m.Member))
	}
	for _, s := range f.Settings {
		list = append(list, s.statement(f.Name))
	}
	if f.Comment != "" {
		list = append(list, fill(`COMMENT ON ROLE :"role" IS :'comment';`, "role", f.Name, "comment", f.Comment))
	}
	return list
}

func createFormer(f Former) Statement {
	template := `SET ROLE NONE; CREATE ROLE :"role" LOGIN`
	for _, attribute := range []struct {
		has  bool
		word string
	}{
		{f.CreateDB, "CREATEDB"}, {f.CreateRole, "CREATEROLE"}, {!f.Inherit, "NOINHERIT"}, {f.Replication, "REPLICATION"}, {f.BypassRLS, "BYPASSRLS"},
		{f.ConnectionLimit >= 0, fmt.Sprintf("CONNECTION LIMIT %d", f.ConnectionLimit)}, {f.ValidUntil != "", `VALID UNTIL :'valid_until'`},
	} {
		if attribute.has {
			template += " " + attribute.word
		}
	}
	return fill(template+";", "role", f.Name, "valid_until", f.ValidUntil)
}

func (m Membership) options() string {
	if m.Inherit == nil || m.Set == nil {
		if m.Admin {
			return " WITH ADMIN OPTION"
		}
		return ""
	}
	return strings.ToUpper(fmt.Sprintf(" WITH ADMIN %t, INHERIT %t, SET %t", m.Admin, *m.Inherit, *m.Set))
}

// listSettings hold lists of names, which PostgreSQL stores as text: whatever a role has put there by set_config. The same as in
// pg_dump's variable_is_guc_list_quote.
var listSettings = []string{
	"local_preload_libraries", "oauth_validator_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
	"temp_tablespaces", "unix_socket_directories",
}

func (s Setting) statement(role string) Statement {
	values := []string{s.Value}
	if slices.Contains(listSettings, strings.ToLower(s.Name)) {
		var ok bool
		if values, ok = splitNames(s.Value); !ok {
			return Statement(comment("The setting " + shown(s.Name) + " of role " + shown(role) + " is no list of names: " + shown(s.Value)))
		}
	}
	template, pairs := `ALTER ROLE :"role"`, []string{"role", role, "name", s.Name}
	if s.Database != "" {
		template, pairs = template+` IN DATABASE :"database"`, append(pairs, "database", s.Database)
	}
	return fill(template+` SET :"name" TO :'values';`, append(pairs, each("values", values)...)...)
}

const blanks = " \t\n\r\f\v"

// splitNames reads a list of names as PostgreSQL does: separated by commas, each bare or in double quotes. An empty list is that of
// the empty name, as SET can say no other. ok is false where the text is no such list.
func splitNames(text string) (names []string, ok bool) {
	text = strings.TrimLeft(text, blanks)
	if text == "" {
		return []string{""}, true
	}
	for {
		name, rest, ok := nextName(text)
		if !ok {
			return nil, false
		}
		names = append(names, name)
		rest = strings.TrimLeft(rest, blanks)
		if rest == "" {
			return names, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		text = strings.TrimLeft(rest[1:], blanks)
	}
}

// nextName reads the name that a list begins with.
func nextName(text string) (name, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ","+blanks)
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], end > 0
	}
	text = text[1:]
	for {
		end := strings.IndexByte(text, '"')
		if end < 0 {
			return "", "", false
		}
		name, text = name+text[:end], text[end+1:]
		if !strings.HasPrefix(text, `"`) {
			return name, text, true
		}
		name, text = name+`"`, text[1:]
	}
}
