package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"pgrotator/rotator/publish"
	"pgrotator/rotator/report"
)

// Digester tells people of all databases of a fleet in one notice and one page.
type Digester struct {
	topic   *publish.Topic  // nil = there is none
	pages   *publish.Bucket // nil = there is none
	open    Open
	version string
}

// NewDigester publishes to a topic, nil = to none, keeps pages in a bucket, nil = in none, and reads the results of a Map by open.
func NewDigester(topic *publish.Topic, pages *publish.Bucket, open Open, version string) *Digester {
	return &Digester{topic: topic, pages: pages, open: open, version: version}
}

// Runs are what came of the sweeps, or where it is written.
type Runs struct {
	Runs     []Run
	Manifest *Manifest // nil = Runs has them
	Failure  *Failure  // nil = nothing kept the sweeps from running
}

// Told is the answer to a digest.
type Told struct {
	Sent      bool   `json:"sent"` // a notice: there is a topic, and something to tell
	ReportURI string `json:"reportUri,omitempty"`
}

// Tell adds up the runs and publishes what they amount to. unlisted is why there is no list of the fleet, nil = there is: then what
// did not run cannot be told, and that is. An error means that there are no runs to tell of, or that the notice was not sent.
func (d *Digester) Tell(ctx context.Context, from Runs, fleet List, unlisted error) (report.Digest, Told, error) {
	var faults []report.Fault
	if unlisted != nil {
		faults = append(faults, report.Fault{Subject: "the fleet", Error: fmt.Sprintf("it cannot be listed, so that nobody can tell what did not run and whose rotation is overdue: %v", unlisted)})
	}
	if from.Failure != nil {
		faults = append(faults, from.Failure.fault())
	}
	runs := from.Runs
	if from.Manifest != nil {
		read, unread, err := from.Manifest.Runs(ctx, d.open)
		if err != nil {
			return report.Digest{}, Told{}, err
		}
		runs, faults = read, append(faults, unread...)
	}
	digest := NewDigest(runs, fleet, faults, time.Now())
	d.keep(ctx, &digest)
	sent, err := d.publish(ctx, digest)
	return digest, Told{Sent: sent, ReportURI: digest.ReportURI}, err
}

// keep writes the page, and the digest as JSON. What cannot be written is told, and stops nothing.
func (d *Digester) keep(ctx context.Context, digest *report.Digest) {
	if d.pages == nil {
		return
	}
	page := digest.Folder() + "/page.html"
	digest.ReportURI = d.pages.URI(page)
	_, err := d.pages.Write(ctx, page, "text/html; charset=utf-8", func(w io.Writer) error {
		return report.WriteFleetPage(w, report.FleetPage{Digest: *digest, Version: d.version})
	})
	if err != nil {
		digest.ReportURI = ""
		digest.Faults = append(digest.Faults, report.Fault{Subject: "the page", Error: err.Error()})
	}
	_, err = d.pages.Write(ctx, digest.Folder()+"/digest.json", "application/json", func(w io.Writer) error {
		return json.NewEncoder(w).Encode(digest)
	})
	if err != nil {
		digest.Faults = append(digest.Faults, report.Fault{Subject: "digest.json", Error: err.Error()})
	}
}

func (d *Digester) publish(ctx context.Context, digest report.Digest) (sent bool, err error) {
	subject, body := digest.Mail()
	if d.topic == nil || body == "" {
		return false, nil
	}
	if err := d.topic.Send(ctx, subject, body); err != nil {
		return false, fmt.Errorf("sending the digest: %w", err)
	}
	return true, nil
}
