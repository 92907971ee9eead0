package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"pgrotator/rotator/report"
)

// Manifest is where the ResultWriter of a Distributed Map has written its list of files.
type Manifest struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// Admit refuses a manifest that is not named whole.
func (m Manifest) Admit() error {
	if m.Bucket == "" || m.Key == "" {
		return errors.New(`the event's key "manifest" needs bucket and key, which are the Map's ResultWriterDetails`)
	}
	return nil
}

// Open reads an object of S3.
type Open func(ctx context.Context, bucket, key string) (io.ReadCloser, error)

// maxManifest bounds a manifest, in bytes: it names a file of results per 5 GB of them.
const maxManifest = 1 << 20

// manifest is the ResultWriter's list (Step Functions Developer Guide, "ResultWriter (Map)").
type manifest struct {
	DestinationBucket string
	ResultFiles       *struct{ SUCCEEDED, FAILED, PENDING []struct{ Key string } }
}

// Runs reads what came of the executions that a manifest tells of. A file that cannot be read is told, and so is an execution whose
// answer is none: the others count all the same.
func (m Manifest) Runs(ctx context.Context, open Open) ([]Run, []report.Fault, error) {
	files, err := m.read(ctx, open)
	if err != nil {
		return nil, nil, err
	}
	var runs []Run
	var faults []report.Fault
	for _, kind := range []struct {
		files []struct{ Key string }
		run   func(execution) (Run, bool)
	}{{files.ResultFiles.SUCCEEDED, execution.succeeded}, {files.ResultFiles.FAILED, execution.failed}, {files.ResultFiles.PENDING, execution.pending}} {
		for _, file := range kind.files {
			err := m.executions(ctx, open, file.Key, func(e execution) {
				if run, swept := kind.run(e); swept {
					runs = append(runs, run)
				}
			})
			if err != nil {
				faults = append(faults, report.Fault{Subject: "s3://" + m.Bucket + "/" + file.Key, Error: err.Error()})
			}
		}
	}
	return runs, faults, nil
}

func (m Manifest) read(ctx context.Context, open Open) (manifest, error) {
	var files manifest
	body, err := open(ctx, m.Bucket, m.Key)
	if err != nil {
		return files, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxManifest))
	if err != nil {
		return files, fmt.Errorf("reading s3://%s/%s: %w", m.Bucket, m.Key, err)
	}
	if err := json.Unmarshal(text, &files); err != nil || files.ResultFiles == nil {
		return files, fmt.Errorf("s3://%s/%s is no manifest of a ResultWriter: expected a JSON object with ResultFiles. Give the Map's ResultWriterDetails", m.Bucket, m.Key)
	}
	if files.DestinationBucket != "" && files.DestinationBucket != m.Bucket {
		return files, fmt.Errorf("the manifest s3://%s/%s is of the bucket %q, which the digest does not read", m.Bucket, m.Key, files.DestinationBucket)
	}
	return files, nil
}

// executions hands each execution of a file of results to visit, one at a time: a file may hold thousands.
func (m Manifest) executions(ctx context.Context, open Open, key string, visit func(execution)) error {
	body, err := open(ctx, m.Bucket, key)
	if err != nil {
		return err
	}
	defer body.Close()
	list := json.NewDecoder(body)
	if token, err := list.Token(); err != nil || token != json.Delim('[') {
		return errors.New("it is no JSON list of executions")
	}
	for list.More() {
		var e execution
		if err := list.Decode(&e); err != nil {
			return fmt.Errorf("reading an execution: %w", err)
		}
		visit(e)
	}
	if _, err := list.Token(); err != nil {
		return fmt.Errorf("the list of executions is cut short: %w", err)
	}
	return nil
}

// execution is a child of the Map, as the ResultWriter writes it: Input and Output are JSON in a text.
type execution struct{ Name, Input, Output, Status, Error, Cause string }

// member is the secret that the execution was about.
func (e execution) member() Member {
	var m Member
	if json.Unmarshal([]byte(e.Input), &m) != nil || m.SecretID == "" {
		m = Member{SecretID: "execution " + e.Name, Sweep: true} // whatever it was, it is told
	}
	return m
}

func (e execution) succeeded() (run Run, swept bool) {
	m := e.member()
	if err := json.Unmarshal([]byte(e.Output), &run); err != nil || run.SecretID != m.SecretID {
		return Run{Brief: report.Brief{SecretID: m.SecretID}, Error: "the sweep's answer cannot be read"}, m.Sweep
	}
	return run, m.Sweep
}

func (e execution) failed() (run Run, swept bool) {
	m := e.member()
	return Run{Brief: report.Brief{SecretID: m.SecretID}, Error: e.reason()}, m.Sweep
}

func (e execution) pending() (run Run, swept bool) {
	m := e.member()
	return Run{Brief: report.Brief{SecretID: m.SecretID}, NotRun: true, Error: "the Map ended before its turn came"}, m.Sweep
}

// reason is why an execution failed: the function's own words, where it is the function that did.
func (e execution) reason() string {
	var told struct{ ErrorMessage string }
	if json.Unmarshal([]byte(e.Cause), &told) == nil && told.ErrorMessage != "" {
		return told.ErrorMessage
	}
	for _, text := range []string{strings.Trim(e.Error+": "+e.Cause, ": "), e.Status} {
		if text != "" {
			return text
		}
	}
	return "Step Functions does not say why"
}
