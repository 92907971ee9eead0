package report

import (
	"strings"
	"time"
)

// Manifest is manifest.json: what was written beside it, from what, and by which version.
type Manifest struct {
	Version    string     `json:"version"` // of pgrotator
	SecretID   string     `json:"secretId"`
	Database   string     `json:"database"`
	DryRun     bool       `json:"dryRun"`
	StartedAt  time.Time  `json:"startedAt"`
	FinishedAt time.Time  `json:"finishedAt"`
	Policy     Policy     `json:"policy"`
	Coverage   Coverage   `json:"coverage"`
	Retention  *Retention `json:"retention"` // of the bucket's Object Lock; null = none, or not known
	Files      []Kept     `json:"files"`
}

// Coverage is what the accounts were judged by.
type Coverage struct {
	Complete bool       `json:"complete"`
	From     *time.Time `json:"from"`
	To       *time.Time `json:"to"`
	Reasons  []string   `json:"reasons"`
	Accounts *int       `json:"accounts"` // rows in the lists of accounts; null = they could not be read
}

// Retention is how long the bucket keeps every version of an object.
type Retention struct {
	Mode  string `json:"mode"` // GOVERNANCE or COMPLIANCE
	Days  int    `json:"days,omitempty"`
	Years int    `json:"years,omitempty"`
}

// Kept is a file beside the manifest.
type Kept struct {
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"`          // in hexadecimal digits
	VersionID   string `json:"versionId"`       // of S3; "" = the bucket keeps no versions
	Error       string `json:"error,omitempty"` // why it is not there
}

// Manifest tells of a report's files.
func (r Report) Manifest(version string, accounts *int, retention *Retention, files []Kept) Manifest {
	return Manifest{Version: version, SecretID: r.SecretID, Database: r.Name(), DryRun: r.DryRun, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		Policy: r.Policy, Retention: retention, Files: files,
		Coverage: Coverage{Complete: r.Evidence.Complete, From: r.Evidence.From, To: r.Evidence.To, Reasons: r.Evidence.Reasons, Accounts: accounts}}
}

// Name is what people call the database: the cluster's or instance's name, else the secret's.
func (r Report) Name() string { return Brief{Database: r.Cluster, SecretID: r.SecretID}.Name() }

// Folder is where a run's files are kept: <database>/<yyyy>/<mm>/<dd>/<startedAt>/, without the last slash.
func (r Report) Folder() string {
	return strings.Join([]string{segment(r.Name()), r.StartedAt.Format("2006/01/02"), r.StartedAt.Format(time.RFC3339Nano)}, "/")
}

// segment is a name as one part of a path: all but letters, digits, _, - and inner dots is written as %XX.
func segment(name string) string {
	const hex = "0123456789ABCDEF"
	var path strings.Builder
	for i := range len(name) {
		c := name[i]
		plain := c == '_' || c == '-' || c == '.' && i > 0 || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if plain {
			path.WriteByte(c)
		} else {
			path.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return path.String()
}
