package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"pgrotator/rotator/secret"
)

// stackSweep is when a stack has its databases swept, and after how many hours without a sweep it alarms.
type stackSweep struct{ Schedule, MissingAfterHours string }

// admit returns an error where the alarm would come between any two sweeps. How often a cron() schedule sweeps is not known here.
func (s stackSweep) admit() error {
	hours, err := strconv.Atoi(s.MissingAfterHours)
	if err != nil {
		return fmt.Errorf("SweepMissingAfterHours is %q: expected a number of hours", s.MissingAfterHours)
	}
	if every := secret.Rate(s.Schedule); time.Duration(hours)*time.Hour <= every {
		return fmt.Errorf("SweepMissingAfterHours is %d, and SweepScheduleExpression %s: the alarm SweepMissing would come between any two sweeps; give it more hours than lie between them",
			hours, s.Schedule)
	}
	return nil
}

// admitValidity returns an error where rotation would refuse the days for which passwords are valid, by the names of the parameters.
func admitValidity(schedule string, validDays int) error {
	if secret.AdmitSchedule(schedule, validDays) == nil {
		return nil
	}
	return fmt.Errorf("PasswordValidDays is %d, and RotationScheduleExpression %q: a password is current for one interval and previous for another; "+
		"give PasswordValidDays more than %d days, or a shorter RotationScheduleExpression", validDays, schedule, 2*secret.Rate(schedule)/(24*time.Hour))
}

// admitSchedules returns an error where passwords would expire in use, or the alarm of a missing sweep would come in vain.
func (p stackParameters) admitSchedules(validDays int) error {
	err := admitValidity(p.Schedule, validDays)
	if p.Sweep != nil {
		err = errors.Join(err, p.Sweep.admit())
	}
	return err
}
