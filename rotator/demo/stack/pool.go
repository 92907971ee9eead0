package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpool"
)

// poolHost is where the pooler listens, at the server's own port: a secret has one port for both.
const poolHost = "127.0.0.2"

// KioskUsers are a second pair, whose clients may come through a pooler.
var KioskUsers = [2]string{"kiosk_a", "kiosk_b"}

// Pool is a pooler before the server, in an RDS Proxy's place, and the second pair, whose secret has a mirror for each user. A proxy knows
// AWSCURRENT of each mirror.
type Pool struct {
	stack   *Stack
	ARN     string
	mirrors map[string]string
}

// StartPool makes the pair, its secret and the mirrors, and runs the pooler until ctx is done. The error is localpool.ErrNotInstalled where
// there is no PgBouncer. The pooler speaks no TLS, so this secret says "ssl": false.
func (s *Stack) StartPool(ctx context.Context) (*Pool, error) {
	p := &Pool{stack: s, mirrors: map[string]string{}}
	if err := localpool.Installed(); err != nil {
		return nil, err
	}
	value := s.value(KioskUsers[0], s.newPassword())
	value["ssl"], value["masterarn"], value["dbClusterIdentifier"] = false, s.MasterARN, Cluster
	var err error
	if p.ARN, err = s.putNewSecret(ctx, "demo/kiosk", value); err != nil {
		return nil, err
	}
	for _, user := range KioskUsers {
		if p.mirrors[user], err = s.putMirror(ctx, "demo/kiosk/"+user, p.ARN); err != nil {
			return nil, err
		}
	}
	value["mirrors"], value["proxyhost"] = p.mirrors, poolHost
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if _, err := s.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &p.ARN, SecretString: aws.String(string(text))}); err != nil {
		return nil, fmt.Errorf("writing secret demo/kiosk: %w", err)
	}
	var report struct{ Changed []string }
	if err := s.Act(ctx, map[string]string{"action": "setup", "secretId": p.ARN}, &report); err != nil { // it writes the mirrors
		return nil, err
	}
	return p, localpool.Start(ctx, localpool.Options{Listen: poolHost, Port: s.PG.Port(), Backend: "127.0.0.1", BackendPort: s.PG.Port(),
		Credentials: p.known, Every: 200 * time.Millisecond})
}

func (s *Stack) putMirror(ctx context.Context, name, of string) (arn string, err error) {
	out, err := s.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name,
		Tags: []types.Tag{{Key: aws.String("pgrotator:mirror-of"), Value: &of}}})
	if err != nil {
		return "", fmt.Errorf("creating secret %s: %w", name, err)
	}
	return *out.ARN, nil
}

// known are the users that the pooler serves, by AWSCURRENT of each mirror.
func (p *Pool) known(ctx context.Context) (map[string]string, error) {
	known := map[string]string{}
	for _, arn := range p.mirrors {
		c, err := p.stack.credentialOf(ctx, arn, "AWSCURRENT")
		if err != nil {
			return nil, err
		}
		known[c.Username] = c.Password
	}
	return known, nil
}

// Credential reads AWSCURRENT of the pair's secret.
func (p *Pool) Credential(ctx context.Context) (Credential, error) {
	return p.stack.credentialOf(ctx, p.ARN, "AWSCURRENT")
}

// Rotate is Stack.Rotate for the pair's secret.
func (p *Pool) Rotate(ctx context.Context, f *localaws.Function) error {
	return p.stack.rotate(ctx, p.ARN, f)
}

// Visit logs in with a credential, through the pooler or directly, and leaves.
func (p *Pool) Visit(ctx context.Context, c Credential, pooled bool) error {
	host := "127.0.0.1"
	if pooled {
		host = poolHost
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=disable", host, p.stack.PG.Port(), Database))
	if err != nil {
		return err
	}
	config.User, config.Password = c.Username, c.Password
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "SELECT 1")
	return err
}
