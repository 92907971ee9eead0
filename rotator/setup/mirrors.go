package setup

import (
	"context"
	"fmt"

	"pgrotator/rotator/secret"
)

// makeMirrors gives the secrets that an RDS Proxy reads their first values: the AWSCURRENT user's is what the secret has, the
// partner's what AWSPREVIOUS has of it, or, before the first rotation, a password that nobody knows. What is there is kept.
func (s *Setup) makeMirrors(ctx context.Context, of subject) ([]string, error) {
	v, pair := of.value, of.pair
	if v.Mirrors == nil {
		return nil, nil
	}
	var changed []string
	for _, user := range []string{pair.User, pair.Partner} {
		mirror, err := s.store.ReadMirror(ctx, v.Mirrors[user], of.arn, user)
		if err != nil {
			return changed, err
		}
		if user == pair.User && mirror.Holds(v.Password) || user != pair.User && !mirror.Empty() {
			continue
		}
		password, err := s.firstPassword(ctx, of.arn, v, user)
		if err != nil {
			return changed, err
		}
		if err := s.store.WriteMirror(ctx, mirror, "", password); err != nil {
			return changed, err
		}
		changed = append(changed, fmt.Sprintf("wrote the mirror of %q, %s", user, mirror.ARN))
	}
	return changed, nil
}

func (s *Setup) firstPassword(ctx context.Context, id string, v secret.Value, user string) (string, error) {
	if user == v.Username {
		return v.Password, nil
	}
	if text, err := s.store.Stage(ctx, id, secret.Previous); err == nil {
		previous, err := secret.Parse(text)
		if err == nil && previous.Username == user && len(v.DifferingKeys(previous)) == 0 {
			return previous.Password, nil
		}
	}
	return s.store.RandomPassword(ctx, secret.PasswordPolicy{Length: 32, ExcludePunctuation: true})
}
