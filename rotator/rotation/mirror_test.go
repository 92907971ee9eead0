package rotation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpool"
	"pgrotator/rotator/internal/localtest"
)

// poolAddress is where the pooler listens, at the server's own port: a secret has one port for both.
const poolAddress = "127.0.0.2"

// putMirror stores a mirror of the scene's secret, whose name is known before it is made.
func putMirror(t *testing.T, s *localtest.Scene, name, of string, value any) (arn string) {
	t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, Tags: []types.Tag{{Key: aws.String("pgrotator:mirror-of"), Value: &of}}}
	if value != nil {
		in.SecretString = aws.String(encode(t, value))
	}
	out, err := s.Secrets.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// newMirrorScene has a pair with a mirror for each user, which the secret names. The mirrors are empty until setup, or a rotation.
func newMirrorScene(t *testing.T) (s *localtest.Scene, mirrors map[string]string) {
	t.Helper()
	s = localtest.New(t, server, nil)
	s.Plaintext = true // the pooler speaks none
	arn := s.CreateMaster()
	s.CreateSecret(nil)
	mirrors = map[string]string{s.A: putMirror(t, s, "mirror-a", s.SecretID, nil), s.B: putMirror(t, s, "mirror-b", s.SecretID, nil)}
	s.PutCurrent(s.Value(map[string]any{"masterarn": arn, "mirrors": mirrors, "proxyhost": poolAddress}))
	return s, mirrors
}

// credentials are what a proxy knows: AWSCURRENT of each secret that it reads.
func credentials(s *localtest.Scene, arns ...string) localpool.Credentials {
	return func(ctx context.Context) (map[string]string, error) {
		known := map[string]string{}
		for _, arn := range arns {
			out, err := s.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
			if err != nil {
				return nil, err
			}
			var c localtest.Credential
			if err := json.Unmarshal([]byte(*out.SecretString), &c); err != nil {
				return nil, err
			}
			known[c.Username] = c.Password
		}
		return known, nil
	}
}

func startPool(t *testing.T, s *localtest.Scene, known localpool.Credentials) {
	t.Helper()
	err := localpool.Start(t.Context(), localpool.Options{Listen: poolAddress, Port: s.Port, Backend: "127.0.0.1", BackendPort: s.Port,
		Credentials: known, Every: time.Second})
	if errors.Is(err, localpool.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// loginThroughPool is what an application does that holds a credential.
func loginThroughPool(t *testing.T, s *localtest.Scene, c localtest.Credential) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("host=%s port=%d dbname=%s user=%s password='%s' sslmode=disable",
		poolAddress, s.Port, s.Database, c.Username, c.Password))
	if err != nil {
		return err
	}
	return conn.Close(t.Context())
}

// Behind a proxy, with mirrors, both users log in after every rotation and until the next, and without mirrors the former one does not.
// One after the other: both poolers have the same address.
func TestRotationThroughAProxy(t *testing.T) {
	t.Run("with mirrors", func(t *testing.T) {
		s, mirrors := newMirrorScene(t)
		s.MustSetup()
		startPool(t, s, credentials(s, mirrors[s.A], mirrors[s.B]))
		for range 3 {
			rotateAndCheck(t, s, 1)
			for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
				if err := loginThroughPool(t, s, s.Credential(stage)); err != nil {
					t.Errorf("%s, %s: %v", stage, s.Credential(stage).Username, err)
				}
			}
		}
	})
	t.Run("without", func(t *testing.T) {
		s, _ := newMirrorScene(t)
		s.MustSetup()
		s.PutCurrent(s.Value(nil))
		startPool(t, s, credentials(s, s.SecretID))
		former := s.Credential("AWSCURRENT")
		rotateAndCheck(t, s, 1)
		for deadline := time.Now().Add(20 * time.Second); loginThroughPool(t, s, former) == nil; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the former user still logs in")
			}
		}
	})
}

// A pooler as host keeps logins of its own, and is told as what it is.
func TestPoolerAsHost(t *testing.T) {
	s := localtest.New(t, server, nil)
	s.Plaintext = true
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(map[string]any{"host": poolAddress})
	startPool(t, s, credentials(s, s.SecretID))
	mustRefuseRotation(t, s, "a pooler such as PgBouncer answers", "use the database's own endpoint as the secret's host")
}

// A mirror is written only if it is this secret's and this user's: each is refused before anything is changed.
func TestMirrorOfAnother(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mirror func(t *testing.T, s *localtest.Scene) string
		want   string
	}{
		"another secret's": {func(t *testing.T, s *localtest.Scene) string {
			return putMirror(t, s, "another", "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf", map[string]any{"username": s.B})
		}, "and not this secret's ARN"},
		"without a tag": {func(t *testing.T, s *localtest.Scene) string {
			return s.PutNewSecret("untagged", map[string]any{"username": s.B, "password": "kept"})
		}, "tag-resource"},
		"another user's": {func(t *testing.T, s *localtest.Scene) string {
			return putMirror(t, s, "users", s.SecretID, map[string]any{"username": "somebody", "password": "kept"})
		}, `is for the user "somebody"`},
		"no mirror at all": {func(*testing.T, *localtest.Scene) string {
			return "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf"
		}, "looking at the mirror of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, mirrors := newMirrorScene(t)
			s.MustSetup()
			mirrors[s.B] = c.mirror(t, s)
			s.PutCurrent(s.Value(map[string]any{"mirrors": mirrors, "proxyhost": poolAddress}))
			mustRefuseRotation(t, s, c.want)
		})
	}
}

// At each call that a mirror costs: an error, a lost reply, the function killed before and after. The retry completes setSecret, and the
// mirror holds what the database does.
func TestMirrorSurvivesEveryFault(t *testing.T) {
	t.Parallel()
	s, mirrors := newMirrorScene(t)
	s.MustSetup()
	token := s.Begin()
	s.Steps(token, "createSecret", "setSecret")
	for _, at := range localtest.Some(functionCalls(s), 4) {
		for _, f := range awsFaults {
			t.Run(fmt.Sprintf("%s %d, %s", at.operation, at.n, f.name), func(t *testing.T) {
				t.Parallel()
				s, mirrors := newMirrorScene(t)
				s.MustSetup()
				token := s.Begin()
				reached := faultOnce(s, at, f.outcome)
				for _, step := range []string{"createSecret", "setSecret"} {
					if err := s.Step(step, token); err != nil {
						if err := s.Step(step, token); err != nil {
							t.Fatal(err)
						}
					}
				}
				if !reached() {
					t.Error("this call was never made")
				}
				mustMirror(t, s, mirrors[s.B])
			})
		}
	}
	mustMirror(t, s, mirrors[s.B])
}

// mustMirror wants the pending user's mirror to hold AWSPENDING's password, which logs in.
func mustMirror(t *testing.T, s *localtest.Scene, arn string) {
	t.Helper()
	out, err := s.Secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if pending := s.Credential("AWSPENDING"); !strings.Contains(*out.SecretString, pending.Password) {
		t.Error("the mirror does not hold AWSPENDING's password")
	}
	s.MustLogin("AWSPENDING")
}

// Three calls more in setSecret, for the mirror.
func TestCostOfAMirror(t *testing.T) {
	t.Parallel()
	s, _ := newMirrorScene(t)
	s.MustSetup()
	token := s.Begin()
	s.Steps(token, "createSecret")
	s.AWS.ResetCalls()
	s.Steps(token, "setSecret")
	if calls := functionCalls(s); len(calls) != 3+3 {
		t.Errorf("%d AWS calls: %v", len(calls), calls)
	}
}
