package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/demo/stack"
	"pgrotator/rotator/terminal"
)

// The other databases of the fleet: one that is new in it, and one whose secret somebody has broken.
const (
	newcomer = "stock"
	broken   = "archive"
)

// fleetRun is what one sweep of the fleet answers.
type fleetRun struct {
	SecretID string `json:"secretId"`
	Error    string `json:"error"`
}

// actFleet sweeps three databases as one fleet, and shows the digest.
func (d *demo) actFleet(ctx context.Context) error {
	if d.sweeper == nil {
		return nil // cut short: the summary tells by what
	}
	d.page.Title("6. A fleet: one digest of all databases")
	d.page.Say("Secrets that carry the tag pgrotator belong together. Beside the shop's there are now that of " + newcomer + ", which nobody has swept yet, and that of " +
		broken + ", whose value somebody has broken. In AWS a state machine asks for the list, sweeps each of them, and then for one digest.")
	if err := d.gatherFleet(ctx); err != nil {
		return err
	}
	runs, err := d.sweepFleet(ctx)
	if err != nil {
		return err
	}
	if err := stack.Ask(ctx, d.sweeper, map[string]any{"action": "digest", "runs": runs}, &struct{}{}); err != nil {
		return err
	}
	notices := d.stack.AWS.Notices()
	notice := notices[len(notices)-1]
	d.page.Hang(terminal.Bold, "    ", notice.Subject)
	for line := range strings.Lines(notice.Message) {
		mark, text := "    ", strings.TrimRight(line, "\n")
		if item, isItem := strings.CutPrefix(text, "  - "); isItem {
			mark, text = "      - ", item
		}
		if text != "" {
			d.page.Hang(terminal.Plain, mark, text)
		}
	}
	told := strings.Contains(notice.Message, broken+": ") && strings.Contains(notice.Message, newcomer+"-db (report only): ") && strings.Contains(notice.Subject, "Fleet of 3 databases")
	d.sweeps.hold("One digest tells of all databases, and one that fails stops no other", told && len(runs) == 3, notice)
	return nil
}

// gatherFleet makes the other databases, and tags the secrets of all.
func (d *demo) gatherFleet(ctx context.Context) error {
	d.stack.DescribeCluster(newcomer + "-db")
	if _, err := d.stack.PublishLogOf(ctx, newcomer+"-db"); err != nil {
		return err
	}
	arn, err := d.stack.AddPair(ctx, newcomer+"/app", newcomer+"_a", newcomer+"-db")
	if err != nil {
		return err
	}
	if err := d.stack.Act(ctx, map[string]string{"action": "setup", "for": "sweep", "secretId": arn}, &struct{}{}); err != nil {
		return err
	}
	_, err = d.stack.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(broken), SecretString: aws.String("engine=postgres")})
	if err != nil {
		return fmt.Errorf("creating secret %s: %w", broken, err)
	}
	for id, value := range map[string]string{d.stack.ARN: "rotate+sweep", arn: "sweep", broken: "sweep"} {
		if err := d.stack.AddToFleet(ctx, id, value); err != nil {
			return err
		}
	}
	return nil
}

// sweepFleet sweeps every database that the list has. A sweep that fails is one of the runs.
func (d *demo) sweepFleet(ctx context.Context) ([]any, error) {
	var list struct{ Secrets []fleetRun }
	if err := stack.Ask(ctx, d.sweeper, map[string]string{"action": "list"}, &list); err != nil {
		return nil, err
	}
	var runs []any
	for _, member := range list.Secrets {
		var answer json.RawMessage
		event := map[string]any{"action": "sweep", "secretId": member.SecretID, "dryRun": true, "brief": true}
		if err := stack.Ask(ctx, d.sweeper, event, &answer); err != nil {
			runs = append(runs, fleetRun{member.SecretID, err.Error()})
			continue
		}
		runs = append(runs, answer)
	}
	return runs, nil
}
