package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"pgrotator/rotator/check"
	"pgrotator/rotator/fleet"
	"pgrotator/rotator/revoke"
	"pgrotator/rotator/rotation"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/setup"
	"pgrotator/rotator/sweep"
)

// anyAccount in ASSUME_ROLE_ARN stands for the account of the secret's ARN.
const anyAccount = "{account}"

// work is what the function does in one account: its clients call AWS there.
type work struct {
	store    *secret.Store
	rotation *rotation.Rotation
	setup    *setup.Setup
	revoke   *revoke.Revoke
	check    *check.Check
	sweep    *sweep.Sweep
}

// accounts is the work by account, made when it is first asked for.
type accounts struct {
	role  string   // ASSUME_ROLE_ARN; "" = the function's own
	fleet []string // FLEET_ACCOUNTS
	begin func(roleARN string) *work

	mu    sync.Mutex
	begun map[string]*work // by role
}

func newAccounts(c config, begin func(roleARN string) *work) *accounts {
	return &accounts{role: c.assumeRoleARN, fleet: c.fleetAccounts, begin: begin, begun: map[string]*work{}}
}

var secretARN = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:(\d{12}):secret:.+$`)
})

// of is the work for a secret.
func (a *accounts) of(secretID string) (*work, error) {
	if !strings.Contains(a.role, anyAccount) {
		return a.as(a.role), nil
	}
	arn := secretARN().FindStringSubmatch(secretID)
	switch {
	case arn == nil:
		return nil, fmt.Errorf("%s is %q, and %q does not say in which account the secret is: name it by its ARN", envAssumeRoleARN, a.role, secretID)
	case len(a.fleet) > 0 && !slices.Contains(a.fleet, arn[1]):
		return nil, fmt.Errorf("secret %q is in account %s, which %s does not name", secretID, arn[1], envFleetAccounts)
	}
	return a.as(a.roleIn(arn[1])), nil
}

func (a *accounts) roleIn(account string) string {
	return strings.ReplaceAll(a.role, anyAccount, account)
}

func (a *accounts) as(role string) *work {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun[role] == nil {
		a.begun[role] = a.begin(role)
	}
	return a.begun[role]
}

// ofFleet are the accounts whose secrets belong to the fleet.
func (a *accounts) ofFleet() ([]fleet.Account, error) {
	if !strings.Contains(a.role, anyAccount) {
		return []fleet.Account{{Secrets: a.as(a.role).store}}, nil
	}
	if len(a.fleet) == 0 {
		return nil, fmt.Errorf("%s is %q, and nobody says which accounts are meant: give them in %s", envAssumeRoleARN, a.role, envFleetAccounts)
	}
	var all []fleet.Account
	for _, id := range a.fleet {
		all = append(all, fleet.Account{ID: id, Secrets: a.as(a.roleIn(id)).store})
	}
	return all, nil
}
