// Package securityhub stands in for AWS Security Hub CSPM: it keeps the findings that are imported.
package securityhub

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

// What BatchImportFindings takes at most (Security Hub CSPM API Reference).
const (
	maxFindings = 100
	maxSize     = 240 << 10 // bytes of a finding
)

// Finding is one in AWS Security Finding Format, as far as tests look at it.
type Finding struct {
	SchemaVersion         string
	ID                    string `json:"Id"`
	ProductArn            string
	GeneratorID           string `json:"GeneratorId"`
	AwsAccountID          string `json:"AwsAccountId"`
	CreatedAt             time.Time
	UpdatedAt             time.Time
	Title                 string
	Description           string
	FindingProviderFields struct {
		Severity struct{ Label string }
		Types    []string
	}
	ProductFields map[string]string
	Resources     []struct{ Type, ID string }
	RecordState   string
}

// Findings are those of the account.
type Findings struct {
	mu   sync.Mutex
	list []Finding
	off  bool
}

// Findings lists what has been imported, in the order of the first import of each.
func (f *Findings) Findings() []Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

// SetSecurityHub enables Security Hub, as it is from the beginning, or disables it.
func (f *Findings) SetSecurityHub(enabled bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = !enabled
}

// Service is the API of f, which speaks REST with JSON.
func (f *Findings) Service() *protocol.Service {
	s := protocol.NewJSONService("securityhub", map[string]protocol.Operation{"BatchImportFindings": f.batchImport})
	s.Throttled = &protocol.Error{Code: "TooManyRequestsException", Status: http.StatusTooManyRequests, Message: "Too Many Requests"}
	return s
}

// Operation tells which operation a request is by its method and path; "" = none that is known here.
func Operation(r *http.Request) string {
	if r.Method == http.MethodPost && r.URL.Path == "/findings/import" {
		return "BatchImportFindings"
	}
	return ""
}

// failure is a finding that was not imported.
type failure struct {
	ID           string `json:"Id"`
	ErrorCode    string
	ErrorMessage string
}

func (f *Findings) batchImport(r protocol.Request) (any, error) {
	var in struct{ Findings []json.RawMessage }
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return nil, invalid("Invalid request body")
	}
	if len(in.Findings) == 0 || len(in.Findings) > maxFindings {
		return nil, invalid(fmt.Sprintf("Findings must have between 1 and %d items", maxFindings))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return nil, &protocol.Error{Code: "InvalidAccessException", Status: http.StatusUnauthorized, Message: "Account " + protocol.AccountID + " is not subscribed to AWS Security Hub"}
	}
	failed := []failure{}
	for _, text := range in.Findings {
		one, wrong := read(text)
		if wrong != "" {
			failed = append(failed, failure{one.ID, "InvalidInput", wrong})
			continue
		}
		f.put(one)
	}
	return map[string]any{"FailedCount": len(failed), "SuccessCount": len(in.Findings) - len(failed), "FailedFindings": failed}, nil
}

func invalid(message string) error {
	return &protocol.Error{Code: "InvalidInputException", Status: http.StatusBadRequest, Message: message}
}

// put adds a finding, or has it take the place of the one of its Id, unless that is newer.
func (f *Findings) put(one Finding) {
	n := slices.IndexFunc(f.list, func(other Finding) bool { return other.ID == one.ID })
	switch {
	case n < 0:
		f.list = append(f.list, one)
	case f.list[n].UpdatedAt.Before(one.UpdatedAt):
		f.list[n] = one
	}
}

// read is a finding, and what is wrong with it, "" = nothing.
func read(text json.RawMessage) (one Finding, wrong string) {
	if err := json.Unmarshal(text, &one); err != nil {
		return one, err.Error()
	}
	bounds := []struct {
		name, value string
		most        int
	}{
		{"Id", one.ID, 512}, {"GeneratorId", one.GeneratorID, 512}, {"Title", one.Title, 256}, {"Description", one.Description, 1024},
		{"ProductArn", one.ProductArn, 2048}, {"AwsAccountId", one.AwsAccountID, 12},
	}
	for _, b := range bounds {
		if length := len([]rune(b.value)); strings.TrimSpace(b.value) == "" || length > b.most {
			return one, fmt.Sprintf("Finding.%s must have between 1 and %d characters", b.name, b.most)
		}
	}
	return one, one.fault(len(text))
}

func (f Finding) fault(size int) string {
	labels := []string{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}
	switch {
	case size > maxSize:
		return "Finding is too large"
	case f.CreatedAt.IsZero() || f.UpdatedAt.IsZero():
		return "Finding must have CreatedAt and UpdatedAt"
	case f.SchemaVersion != "2018-10-08":
		return "Finding.SchemaVersion must be 2018-10-08"
	case f.AwsAccountID != protocol.AccountID || !strings.HasSuffix(f.ProductArn, ":"+protocol.AccountID+":product/"+protocol.AccountID+"/default"):
		return "Finding must be of the caller's account and of its own product"
	case len(f.Resources) == 0 || len(f.Resources) > 32 || f.Resources[0].ID == "" || f.Resources[0].Type == "":
		return "Finding must contain at least one resource in the Resources array"
	case !slices.Contains(labels, f.FindingProviderFields.Severity.Label):
		return "Finding.FindingProviderFields.Severity.Label must be one of " + strings.Join(labels, ", ")
	case f.RecordState != "ACTIVE" && f.RecordState != "ARCHIVED":
		return "Finding.RecordState must be ACTIVE or ARCHIVED"
	}
	return ""
}
