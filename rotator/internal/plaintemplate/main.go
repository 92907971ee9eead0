// Plaintemplate writes a SAM template as plain CloudFormation, in JSON.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"pgrotator/rotator/internal/cloudformation"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plaintemplate TEMPLATE JSON")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// mostInS3 is how long a template may be that CloudFormation reads from S3 (CloudFormation's quotas); one that a request holds,
// 51,200 bytes.
const mostInS3 = 1_000_000

func write(source, target string) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	template, err := cloudformation.Read(text)
	if err != nil {
		return err
	}
	if err := cloudformation.Expand(template); err != nil {
		return err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(template); err != nil {
		return err
	}
	if out.Len() > mostInS3 {
		return fmt.Errorf("the template is %d bytes long, and CloudFormation takes %d", out.Len(), mostInS3)
	}
	return os.WriteFile(target, out.Bytes(), 0o644)
}
