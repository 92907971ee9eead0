package sweep

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/report"
)

// historyRows is how many earlier actions the page shows at most.
const historyRows = 500

// keep writes what an auditor looks at into REPORT_BUCKET: accounts, page, report, and a manifest of them. What cannot be written is
// told in the report, and stops nothing.
func (r *run) keep(ctx context.Context) {
	r.report.FinishedAt = time.Now().UTC().Truncate(time.Millisecond)
	if r.channels.Reports == nil {
		return
	}
	r.report.ReportURI = r.pageURI()
	history := r.history(ctx)
	accounts := r.accounts()
	files := []report.Kept{
		r.keepAccounts(ctx, "accounts.csv", "text/csv; charset=utf-8", func(w io.Writer) error { return report.WriteCSV(w, accounts) }),
		r.keepAccounts(ctx, "accounts.json", "application/json", func(w io.Writer) error { return report.WriteJSON(w, accounts) }),
		r.keepFile(ctx, pageFile, "text/html; charset=utf-8", func(w io.Writer) error {
			return report.WritePage(w, report.Page{Report: r.report, Accounts: accounts, History: history, Version: r.options.Version})
		}),
	}
	if files[len(files)-1].Error != "" {
		r.report.ReportURI = ""
	}
	files = append(files, r.keepFile(ctx, "report.json", "application/json", func(w io.Writer) error { return indented(w, r.report) }))
	r.keepFile(ctx, "manifest.json", "application/json", func(w io.Writer) error {
		return indented(w, r.report.Manifest(r.options.Version, r.accountsRead(), r.retention(ctx), files))
	})
}

const pageFile = "page.html"

// pageURI is where the page of this run is, or is to be; "" = nowhere.
func (r *run) pageURI() string {
	if r.channels.Reports == nil {
		return ""
	}
	return r.channels.Reports.URI(r.report.Folder() + "/" + pageFile)
}

// keepAccounts keeps a list of accounts, unless they could not be read: an empty list would say that there are none.
func (r *run) keepAccounts(ctx context.Context, name, contentType string, write func(io.Writer) error) report.Kept {
	if r.judged == nil {
		return report.Kept{Name: name, ContentType: contentType, Error: "the accounts could not be read in this run"}
	}
	return r.keepFile(ctx, name, contentType, write)
}

func (r *run) keepFile(ctx context.Context, name, contentType string, write func(io.Writer) error) report.Kept {
	kept := report.Kept{Name: name, ContentType: contentType}
	written, err := r.channels.Reports.Write(ctx, r.report.Folder()+"/"+name, contentType, write)
	kept.Bytes, kept.VersionID = written.Bytes, written.VersionID
	if written.Bytes > 0 {
		kept.SHA256 = hex.EncodeToString(written.SHA256[:])
	}
	if err != nil {
		kept.Error = err.Error()
		r.report.Unwritten = append(r.report.Unwritten, fmt.Sprintf("%s was not written: %v.", name, err))
	}
	return kept
}

func indented(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

func (r *run) accountsRead() *int {
	if r.judged == nil {
		return nil
	}
	n := len(r.judged)
	return &n
}

// retention is what the bucket's Object Lock gives to the files; nil = nothing, or it cannot be told.
func (r *run) retention(ctx context.Context) *report.Retention {
	found, err := r.channels.Reports.Retention(ctx)
	if err != nil || found.Mode == "" {
		return nil
	}
	return &report.Retention{Mode: found.Mode, Days: found.Days, Years: found.Years}
}

// history is what was done before, and in this run.
func (r *run) history(ctx context.Context) []report.Action {
	rows, err := account.ReadHistory(ctx, r.writer, r.place.Schema, historyRows)
	if err != nil {
		r.report.Evidence.Notes = append(r.report.Evidence.Notes, fmt.Sprintf("What was done before could not be read: %v.", err))
	}
	var actions []report.Action
	for _, a := range rows {
		actions = append(actions, report.Action(a))
	}
	return actions
}
