package localaws

import (
	"regexp"
	"strings"
	"time"
)

var roleARNPattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/\S+$`)

func newSTSService(c *callers) *service {
	return newQueryService("sts", "https://sts.amazonaws.com/doc/2011-06-15/", map[string]operation{
		"AssumeRole": c.assumeRole,
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

// assumeRole issues credentials for an hour. Every role trusts everybody;
// [Call.Role] tells who used which.
func (c *callers) assumeRole(r request) (any, error) {
	arn, session := r.form.Get("RoleArn"), r.form.Get("RoleSessionName")
	if !roleARNPattern.MatchString(arn) || session == "" {
		return nil, &apiError{code: "ValidationError", status: 400, message: "RoleArn and RoleSessionName are needed; RoleArn " + arn + " is invalid."}
	}
	who := r.caller
	who.role = arn
	id := c.issue(who)
	var out assumedRole
	out.Credentials.AccessKeyId = id
	out.Credentials.SecretAccessKey = secretAccessKey
	out.Credentials.SessionToken = id
	out.Credentials.Expiration = time.Now().Add(time.Hour)
	account, name, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:iam::"), ":role/")
	out.AssumedRoleUser.AssumedRoleId = "AROALOCALAWS:" + session
	out.AssumedRoleUser.Arn = "arn:aws:sts::" + account + ":assumed-role/" + name + "/" + session
	return out, nil
}
