package rotation

import (
	"context"
	"fmt"
	"time"

	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
)

// An RDS Proxy knows AWSCURRENT of each secret that it reads, and no other: behind it, each user has a mirror, a secret of its own,
// and both are served at every moment.

// readMirror reads the mirror of the user to be set, before anything is changed; nil where the secret has no mirrors.
func (r *Rotation) readMirror(ctx context.Context, c change, ownARN string) (*secret.Mirror, error) {
	arn := c.current.Mirrors[c.pair.Partner]
	if arn == "" {
		return nil, nil
	}
	mirror, err := r.store.ReadMirror(ctx, arn, ownARN, c.pair.Partner)
	if err != nil {
		return nil, err
	}
	return &mirror, nil
}

// writeMirror gives the mirror what the user has just been set to, under the rotation's own token, so that a retry finds it.
func (r *Rotation) writeMirror(ctx context.Context, c change) error {
	if c.mirror == nil {
		return nil
	}
	return r.store.WriteMirror(ctx, *c.mirror, c.step.Token, c.pending.Password)
}

// Pauses between two logins through a proxy; how soon a proxy reads a changed secret is not documented.
const (
	firstProxyPause   = 200 * time.Millisecond
	longestProxyPause = 5 * time.Second
)

// throughProxy logs in as AWSPENDING where the application does, until the proxy knows the new password or the time is over.
func (r *Rotation) throughProxy(ctx context.Context, pending secret.Value) error {
	if pending.ProxyHost == "" {
		return nil
	}
	server := postgres.Server{Host: pending.ProxyHost, Port: pending.Port, Database: pending.Database, Plaintext: pending.Plaintext, Proxy: true}
	begun := time.Now()
	err := postgres.Attempt(ctx, func(ctx context.Context) error {
		for pause := firstProxyPause; ; pause = min(2*pause, longestProxyPause) {
			session, err := r.opener.Open(ctx, server, postgres.Login{User: pending.Username, Password: pending.Password})
			if err == nil {
				session.Close(ctx)
				return nil
			}
			if deadline, _ := ctx.Deadline(); !postgres.TurnedAway(err) || time.Until(deadline) < pause {
				return err
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(pause):
			}
		}
	})
	if err == nil {
		return nil
	}
	return fmt.Errorf("logging in through the secret's proxyhost, tried for %s (a proxy reads a changed secret at a time of its own, and the next attempt may find that it has; "+
		"else see whether the proxy's Auth names the mirrors): %w", time.Since(begun).Round(time.Second), err)
}
