package localaws

import (
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// masking is the policies that stand for a group.
type masking []DataProtection

// masking lists the policies that mask what arrives in a group: its own and the account's.
func (l *logStore) masking(g *logGroup) masking {
	var active masking
	for _, p := range []DataProtection{g.protection, l.protection} {
		if p.Status == types.DataProtectionStatusActivated && len(p.Sensitive) > 0 {
			active = append(active, p)
		}
	}
	return active
}

// apply replaces in message what the policies mask.
func (m masking) apply(message string) string {
	for _, p := range m {
		for _, sensitive := range p.Sensitive {
			message = sensitive.ReplaceAllStringFunc(message, p.mask)
		}
	}
	return message
}

func (p DataProtection) mask(match string) string {
	if p.Mask != "" {
		return p.Mask
	}
	return strings.Repeat("*", utf8.RuneCountInString(match))
}

// permitUnmask refuses a request for unmasked text where the caller lacks logs:Unmask. IAM judges the request, whether or not
// anything is masked.
func (l *logStore) permitUnmask(c caller, g *logGroup) error {
	if !l.unmaskDenied {
		return nil
	}
	return accessDenied(c, "logs:Unmask", logGroupARN(g.name))
}

// accessDenied is IAM's refusal, in the words that AWS services use.
func accessDenied(c caller, action, resource string) error {
	return &apiError{code: "AccessDeniedException", status: 400, message: "User: " + c.arn() + " is not authorized to perform: " +
		action + " on resource: " + resource + " because no identity-based policy allows the " + action + " action"}
}
