package main

import (
	"context"
	"encoding/json"
	"errors"

	"pgrotator/rotator/command"
)

// actCheck has the function tell whether a rotation would work.
func (d *demo) actCheck(ctx context.Context) error {
	d.page.Title("3. Check")
	d.page.Say(`{"action":"check"} changes nothing and tells what the next rotation would meet, as the command line shows it:`)
	var text json.RawMessage
	if err := d.stack.Act(ctx, map[string]string{"action": "check", "secretId": d.stack.ARN, "for": "rotation"}, &text); err != nil {
		return err
	}
	report, err := command.Read("check", text)
	if err != nil {
		return err
	}
	report.Show(d.page.Page)
	if !report.Well() {
		return errors.New("the check says that a rotation would fail")
	}
	return nil
}
