package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pgrotator/rotator/demo/stack"
)

// reportFolder is where the last sweep's page and lists stay after the demo.
const reportFolder = "build/demo-report"

// keepPage copies what the last sweep has written for an auditor out of the stand-in of S3, which ends with the demo.
func (s *sweeping) keepPage(uri string) error {
	folder, err := filepath.Abs(reportFolder)
	if err != nil {
		return fmt.Errorf("finding %s: %w", reportFolder, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", reportFolder, err)
	}
	prefix := strings.TrimSuffix(strings.TrimPrefix(uri, "s3://"+stack.Reports+"/"), "page.html")
	kept := s.stack.AWS.Objects(stack.Reports, prefix)
	for _, o := range kept {
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(o.Key)), o.Body, 0o644); err != nil {
			return fmt.Errorf("keeping the report: %w", err)
		}
	}
	s.sweeps.hold("A sweep writes a page and the lists of accounts for an auditor", uri != "" && len(kept) == 5, uri)
	s.written = filepath.Join(folder, "page.html")
	return nil
}
