package logs

import (
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// masking is the policies that stand for a group.
type masking []DataProtection

// masking lists the policies that mask what arrives in a group: its own and the account's.
func (l *Store) masking(g *logGroup) masking {
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
func (l *Store) permitUnmask(c protocol.Caller, g *logGroup) error {
	if !l.unmaskDenied {
		return nil
	}
	return protocol.AccessDenied(c, "logs:Unmask", logGroupARN(g.name))
}
