// Package sts stands in for AWS STS: it issues credentials for roles.
package sts

import (
	"regexp"
	"strings"
	"time"

	"pgrotator/rotator/internal/localaws/protocol"
)

var roleARNPattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/\S+$`)

// Service is an API whose AssumeRole issues credentials that callers tell apart.
func Service(callers *protocol.Callers) *protocol.Service {
	return protocol.NewQueryService("sts", "https://sts.amazonaws.com/doc/2011-06-15/", map[string]protocol.Operation{
		"AssumeRole": func(r protocol.Request) (any, error) { return assumeRole(callers, r) },
	})
}

// assumedRole is AssumeRole's output.
type assumedRole struct {
	Credentials struct {
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 time.Time
	}
	AssumedRoleUser struct{ AssumedRoleId, Arn string }
}

// assumeRole issues credentials for an hour. Every role trusts everybody; [protocol.Caller] tells who used which.
func assumeRole(callers *protocol.Callers, r protocol.Request) (any, error) {
	arn, session := r.Form.Get("RoleArn"), r.Form.Get("RoleSessionName")
	if !roleARNPattern.MatchString(arn) || session == "" {
		return nil, &protocol.Error{Code: "ValidationError", Status: 400, Message: "RoleArn and RoleSessionName are needed; RoleArn " + arn + " is invalid."}
	}
	who := r.Caller
	who.Role = arn
	id := callers.Issue(who)
	var out assumedRole
	out.Credentials.AccessKeyId = id
	out.Credentials.SecretAccessKey = protocol.SecretAccessKey
	out.Credentials.SessionToken = id
	out.Credentials.Expiration = time.Now().Add(time.Hour)
	account, name, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:iam::"), ":role/")
	out.AssumedRoleUser.AssumedRoleId = "AROALOCALAWS:" + session
	out.AssumedRoleUser.Arn = "arn:aws:sts::" + account + ":assumed-role/" + name + "/" + session
	return out, nil
}
