package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Origin is where findings come from.
type Origin struct {
	Partition, Region, Account string // whose Security Hub is told
	Database                   string // the ARN of the cluster or instance
	Name                       string // of the database, for people
	SecretID                   string
	ReportURI                  string // "" = there is no page
	At                         time.Time
}

// The bounds of AWS Security Finding Format, in characters (Security Hub CSPM API Reference, AwsSecurityFinding).
const (
	maxTitle       = 256
	maxDescription = 1024
	maxField       = 2048
	maxID          = 512
)

// securityFinding is a finding in AWS Security Finding Format. What may change from one run to the next is given as
// FindingProviderFields: Security Hub leaves the rest to those who look into it.
type securityFinding struct {
	SchemaVersion         string
	Id                    string
	ProductArn            string
	ProductName           string
	GeneratorId           string
	AwsAccountId          string
	CreatedAt             time.Time
	UpdatedAt             time.Time
	Title                 string
	Description           string
	FindingProviderFields providerFields
	ProductFields         map[string]string
	Resources             []findingResource
	RecordState           string
}

type providerFields struct {
	Severity struct{ Label string }
	Types    []string
}

type findingResource struct {
	Type      string
	Id        string
	Partition string
	Region    string `json:",omitempty"`
}

// ID is the finding's Id: the same in each run, so that what is told again takes the place of what was told before.
func (f Finding) ID(o Origin) string {
	sum := sha256.Sum256([]byte(f.key()))
	of := o.Database
	if parts := strings.Split(o.Database, ":"); f.Kind == accountPermission && len(parts) > 4 { // arn:partition:rds:region:account:…
		of = "pgrotator/" + parts[4]
	}
	return fmt.Sprintf("%s/%s/%s", of, f.Kind, hex.EncodeToString(sum[:12]))
}

// ASFF is the finding in AWS Security Finding Format.
func (f Finding) ASFF(o Origin) []byte {
	s := securityFinding{
		SchemaVersion: "2018-10-08", Id: f.ID(o), GeneratorId: "pgrotator/" + f.Kind, ProductName: "pgrotator", AwsAccountId: o.Account,
		ProductArn: fmt.Sprintf("arn:%s:securityhub:%s:%s:product/%s/default", o.Partition, o.Region, o.Account, o.Account),
		CreatedAt:  f.Since.UTC(), UpdatedAt: o.At.UTC(), Title: cut(f.title(o), maxTitle), Description: cut(strings.Join(strings.Fields(f.Text), " "), maxDescription),
		ProductFields: f.fields(o), Resources: f.resources(o), RecordState: "ACTIVE",
	}
	s.FindingProviderFields.Severity.Label = cmp.Or(f.Severity, informational)
	s.FindingProviderFields.Types = []string{"Software and Configuration Checks/AWS Security Best Practices"}
	if f.Settled {
		s.RecordState = "ARCHIVED"
	}
	text, _ := json.Marshal(s) // texts and the times of runs always encode
	return text
}

// title names what the finding is about, and nothing that changes from one run to the next.
func (f Finding) title(o Origin) string {
	switch f.Kind {
	case inactiveAccount:
		return fmt.Sprintf("Inactive account %s of database %s", Plain(f.About[0]), o.Name)
	case unknownActivity:
		return fmt.Sprintf("Who is active in database %s cannot be told for certain", o.Name)
	}
	return fmt.Sprintf("Permission to log in to databases by IAM that is for nobody, or for too many: %s of %s", Plain(f.About[2]), Plain(f.About[1]))
}

// fields is what a filter or a program may look for.
func (f Finding) fields(o Origin) map[string]string {
	names := map[string]string{"secret": o.SecretID, "report": o.ReportURI}
	switch f.Kind {
	case inactiveAccount:
		names["role"] = f.About[0]
	case permission, accountPermission:
		names["policy"], names["statement"], names["resource"] = f.About[1], f.About[2], f.About[3]
	}
	fields := map[string]string{}
	for name, value := range names {
		if value != "" {
			fields["pgrotator/"+name] = cut(value, maxField)
		}
	}
	return fields
}

// resources are the database and, of a permission, who has it.
func (f Finding) resources(o Origin) []findingResource {
	database := findingResource{Type: "AwsRdsDbCluster", Id: o.Database, Partition: o.Partition, Region: o.Region}
	if strings.Contains(o.Database, ":db:") {
		database.Type = "AwsRdsDbInstance"
	}
	switch f.Kind {
	case permission:
		return []findingResource{f.principal(o), database}
	case accountPermission:
		return []findingResource{f.principal(o)}
	}
	return []findingResource{database}
}

func (f Finding) principal(o Origin) findingResource {
	p := findingResource{Type: "Other", Id: cut(f.About[0], maxID), Partition: o.Partition}
	_, resource, _ := strings.Cut(f.About[0], ":iam::")
	for kind, name := range map[string]string{":role/": "AwsIamRole", ":user/": "AwsIamUser", ":group/": "AwsIamGroup"} {
		if strings.Contains(resource, kind) {
			p.Type = name
		}
	}
	return p
}

// cut is the beginning of a text, of at most so many characters, as a line can hold it.
func cut(text string, most int) string {
	runes := []rune(Plain(strings.ToValidUTF8(text, "?")))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-4]) + " ..."
}
