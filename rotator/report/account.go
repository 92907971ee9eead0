package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Account is one role that can log in or that the sweep closed, as an auditor looks at it. It is a row of accounts.csv and an object
// of accounts.json; null, or an empty cell, is what is not known.
type Account struct {
	User               string     `json:"user"`
	Login              string     `json:"login"`        // Password, ByIAM or NoLogin
	Privileges         []string   `json:"privileges"`   // attributes and memberships beyond the ordinary; null = not known
	LastActivity       *time.Time `json:"lastActivity"` // null = none is known: it was only seen to be there
	LastActivitySource string     `json:"lastActivitySource"`
	FirstSeen          *time.Time `json:"firstSeen"`
	IdleDays           *int       `json:"idleDays"` // as far as there is evidence; null = there is none
	Status             string     `json:"status"`   // Active, Locked, ReadyToDelete, or Dropped by this run
	StatusSince        *time.Time `json:"statusSince"`
	Exemption          string     `json:"exemption"` // Rule, or the entry of IGNORE_USER_LIST or of the secret's tag; "" = it is looked after
	ExemptionReason    string     `json:"exemptionReason"`
	ExemptionUntil     string     `json:"exemptionUntil"` // YYYY-MM-DD, the last day of it; "" = for good
	Due                string     `json:"due"`            // lock or drop, where it stays idle; "" = nothing
	DueOn              string     `json:"dueOn"`          // YYYY-MM-DD, in UTC
	OwnsObjects        *int64     `json:"ownsObjects"`    // in all databases
	FailedLogins       *int       `json:"failedLogins"`   // in what this run read; null = not counted
}

// How a role logs in.
const (
	Password = "password"
	ByIAM    = "iam"  // a member of rds_iam
	NoLogin  = "none" // NOLOGIN
)

// Dropped is the status of a role that this run has dropped: its row is the last that there will be of it.
const Dropped = "Dropped"

// Rule is the exemption of a role that the sweep leaves alone by itself, whatever the operator says.
const Rule = "rule"

// columns are those of accounts.csv, by the keys of an Account.
var columns = []string{"user", "login", "privileges", "lastActivity", "lastActivitySource", "firstSeen", "idleDays", "status", "statusSince",
	"exemption", "exemptionReason", "exemptionUntil", "due", "dueOn", "ownsObjects", "failedLogins"}

func (a Account) cells() []string {
	return []string{a.User, a.Login, a.privileges(), timeCell(a.LastActivity), a.LastActivitySource, timeCell(a.FirstSeen), numberCell(a.IdleDays), a.Status,
		timeCell(a.StatusSince), a.Exemption, a.ExemptionReason, a.ExemptionUntil, a.Due, a.DueOn, numberCell(a.OwnsObjects), numberCell(a.FailedLogins)}
}

func (a Account) privileges() string {
	if a.Privileges == nil {
		return "not known"
	}
	return strings.Join(a.Privileges, " ")
}

func timeCell(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func numberCell[N int | int64](n *N) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

// WriteCSV writes accounts.csv: a line of the columns' names, and a line per account. Text that a spreadsheet might take for a
// formula gets an apostrophe in front, and so does text that begins with one.
func WriteCSV(w io.Writer, accounts iter.Seq[Account]) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for a := range accounts {
		cells := a.cells()
		for n := range cells {
			cells[n] = notAFormula(cells[n])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// notAFormula puts an apostrophe in front of what spreadsheets compute: whatever begins with one of =, +, - and @, of any width, after
// white space and what is invisible too, or with a tab or a line end (OWASP, "CSV Injection"). An apostrophe that is there already gets
// another, so that it is told apart.
func notAFormula(cell string) string {
	first := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.In(r, unicode.Zs, unicode.Cf) })
	if first != "" && strings.ContainsRune("=+-@＝＋－＠﹢﹣﹫﹦'\t\r\n", []rune(first)[0]) {
		return "'" + cell
	}
	return cell
}

// WriteJSON writes accounts.json: a list of accounts, one a line.
func WriteJSON(w io.Writer, accounts iter.Seq[Account]) error {
	separator := "[\n"
	for a := range accounts {
		text, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("writing account %q: %w", a.User, err)
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, text); err != nil {
			return err
		}
		separator = ",\n"
	}
	if separator == "[\n" {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
