// Package rotation is the four steps of a Secrets Manager rotation with alternating users: the user that AWSCURRENT does not
// name gets a new password, and its credential becomes AWSCURRENT. AWSCURRENT logs in at every moment.
package rotation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/master"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
	"pgrotator/rotator/secret"
)

// Step is one invocation by Secrets Manager.
type Step struct {
	Name          string // createSecret, or create_secret: AWS's pages spell it both ways
	SecretID      string
	Token         string // ClientRequestToken: the id of the version that is to become AWSCURRENT
	RotationToken string // proves across accounts that this rotation asked; never logged
}

// Outcome is what a step tells beyond its success.
type Outcome struct {
	Way           role.Way // how setSecret set the password; "" in other steps
	SessionsInUse int      // sessions still open on the credential that setSecret replaced
	Held          bool     // setSecret held off, which is its error, since a blue/green deployment is under way
}

// Options are the operator's choices.
type Options struct {
	Password  secret.PasswordPolicy
	ValidDays int // PASSWORD_VALID_DAYS; 0 = a password does not expire
}

// Rotation carries out steps.
type Rotation struct {
	store   *secret.Store
	master  *master.Finder
	rds     *rds.Client
	opener  postgres.Opener
	options Options
	log     *slog.Logger
}

// New makes a Rotation. Warnings about what an operator should look into go to log.
func New(store *secret.Store, finder *master.Finder, databases *rds.Client, opener postgres.Opener, options Options, log *slog.Logger) *Rotation {
	return &Rotation{store: store, master: finder, rds: databases, opener: opener, options: options, log: log}
}

// Run carries out one step. Every step may be repeated, also at once from two processes. A token that is AWSCURRENT already
// is done: success. An error has changed nothing that stops AWSCURRENT from logging in.
func (r *Rotation) Run(ctx context.Context, step Step) (Outcome, error) {
	act, err := r.step(step)
	if err != nil {
		return Outcome{}, err
	}
	description, err := r.store.Describe(ctx, step.SecretID)
	if err != nil {
		return Outcome{}, err
	}
	done, err := admit(description, step)
	if done || err != nil {
		return Outcome{}, err
	}
	return act(ctx, step, description)
}

type action func(context.Context, Step, secret.Description) (Outcome, error)

// StepName is a step's name as Secrets Manager sends it: create_secret, the other spelling of AWS's pages, becomes createSecret.
// It is "" for what is no step.
func StepName(name string) string {
	name = strings.Replace(name, "_secret", "Secret", 1)
	if !slices.Contains([]string{"createSecret", "setSecret", "testSecret", "finishSecret"}, name) {
		return ""
	}
	return name
}

// step finds the step's function.
func (r *Rotation) step(step Step) (action, error) {
	if step.SecretID == "" || step.Token == "" {
		return nil, fmt.Errorf("a rotation event needs SecretId and ClientRequestToken, as Secrets Manager sends them")
	}
	switch StepName(step.Name) {
	case "createSecret":
		return r.createSecret, nil
	case "setSecret":
		return r.setSecret, nil
	case "testSecret":
		return r.testSecret, nil
	case "finishSecret":
		return r.finishSecret, nil
	}
	return nil, fmt.Errorf("unknown rotation step %q; expected createSecret, setSecret, testSecret or finishSecret", step.Name)
}

// admit tells whether a step may go on: rotation is on and the token is staged AWSPENDING. AWSCURRENT already means done.
func admit(d secret.Description, step Step) (done bool, err error) {
	if d.Enabled != nil && !*d.Enabled {
		return false, fmt.Errorf("rotation of secret %s is switched off: %s switches it on", step.SecretID, script.Rotate(step.SecretID))
	}
	stages, known := d.Stages[step.Token]
	switch {
	case slices.Contains(stages, secret.Current):
		return true, nil
	case slices.Contains(stages, secret.Pending):
		return false, nil
	case known:
		return false, fmt.Errorf("version %s of secret %s is not staged AWSPENDING but %s: only the rotation that is under way can be carried on",
			step.Token, step.SecretID, strings.Join(stages, ", "))
	}
	return false, fmt.Errorf("secret %s has no version %s: only Secrets Manager starts a rotation (%s)", step.SecretID, step.Token, script.Rotate(step.SecretID))
}

// validUntil is when a password set now expires.
func (r *Rotation) validUntil() string {
	if r.options.ValidDays == 0 {
		return role.Forever
	}
	return time.Now().UTC().AddDate(0, 0, r.options.ValidDays).Format(time.RFC3339)
}
