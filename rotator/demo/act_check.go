package main

import (
	"context"
	"errors"

	"pgrotator/rotator/terminal"
)

// actCheck has the function tell whether a rotation would work.
func (d *demo) actCheck(ctx context.Context) error {
	d.page.Title("3. Check")
	d.page.Say(`{"action":"check"} changes nothing and tells what the next rotation would meet:`)
	var report struct {
		OK     bool
		Checks []struct {
			Name, Detail, Fix string
			OK                bool
		}
	}
	if err := d.stack.Act(ctx, map[string]string{"action": "check", "secretId": d.stack.ARN, "for": "rotation"}, &report); err != nil {
		return err
	}
	for _, check := range report.Checks {
		mark, colour := "ok    ", terminal.Green
		if !check.OK {
			mark, colour = "fails ", terminal.Red
		}
		d.page.Hang(colour, "    "+mark+terminal.Pad(check.Name, 16), check.Detail)
		if check.Fix != "" {
			d.page.Hang(terminal.Yellow, "          "+terminal.Pad("", 16)+"> ", check.Fix)
		}
	}
	if !report.OK {
		return errors.New("the check says that a rotation would fail")
	}
	return nil
}
