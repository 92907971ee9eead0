package main

import (
	"context"
	"errors"
)

// actCheck has the function tell whether a rotation would work.
func (d *demo) actCheck(ctx context.Context) error {
	d.page.title("3. Check")
	d.page.say(`{"action":"check"} changes nothing and tells what the next rotation would meet:`)
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
		mark, colour := "ok    ", green
		if !check.OK {
			mark, colour = "fails ", red
		}
		d.page.hang(colour, "    "+mark+pad(check.Name, 16), check.Detail)
		if check.Fix != "" {
			d.page.hang(yellow, "          "+pad("", 16)+"> ", check.Fix)
		}
	}
	if !report.OK {
		return errors.New("the check says that a rotation would fail")
	}
	return nil
}
