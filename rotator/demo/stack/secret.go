package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/verifier"
)

// makeMaster makes the master user and its secret as RDS does. The server is given a verifier, so that a log of all statements
// does not hold the password from the start.
func (s *Stack) makeMaster(ctx context.Context, _ Options) (string, error) {
	password := s.newPassword()
	made, err := verifier.New(verifier.Default, Master, password)
	if err != nil {
		return "", fmt.Errorf("making the verifier of %s: %w", Master, err)
	}
	err = s.AsSuperuser(ctx,
		"CREATE ROLE rds_superuser",
		fmt.Sprintf("CREATE ROLE %s LOGIN CREATEROLE CREATEDB PASSWORD '%s' IN ROLE rds_superuser", Master, made),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s", Database, Master))
	if err != nil {
		return "", err
	}
	if s.MasterARN, err = s.putNewSecret(ctx, MasterSecret, s.value(Master, password)); err != nil {
		return "", err
	}
	return fmt.Sprintf("The master user %q, no superuser, and its secret %s", Master, MasterSecret), nil
}

// makeSecret stores the application's secret. Nothing in the database knows of it yet.
func (s *Stack) makeSecret(ctx context.Context, _ Options) (text string, err error) {
	value := s.value(FirstUser, s.newPassword())
	value["masterarn"], value["dbClusterIdentifier"] = s.MasterARN, Cluster
	if s.ARN, err = s.putNewSecret(ctx, Secret, value); err != nil {
		return "", err
	}
	return fmt.Sprintf("The application's secret %s, user %q: the database does not know this user yet", Secret, FirstUser), nil
}

// AddPair stores a secret for a pair of its own in Database, of a cluster that DescribeCluster has told of, and gives its ARN.
func (s *Stack) AddPair(ctx context.Context, name, user, cluster string) (arn string, err error) {
	value := s.value(user, s.newPassword())
	value["masterarn"], value["dbClusterIdentifier"] = s.MasterARN, cluster
	return s.putNewSecret(ctx, name, value)
}

// AddToFleet gives a secret the tag that makes it one of the fleet.
func (s *Stack) AddToFleet(ctx context.Context, id, value string) error {
	_, err := s.Secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &id, Tags: []types.Tag{
		{Key: aws.String("pgrotator"), Value: &value}}})
	if err != nil {
		return fmt.Errorf("tagging secret %s: %w", id, err)
	}
	return nil
}

func (s *Stack) value(user, password string) map[string]any {
	return map[string]any{"engine": "postgres", "host": "localhost", "port": s.PG.Port(), "dbname": Database,
		"username": user, "password": password}
}

func (s *Stack) putNewSecret(ctx context.Context, name string, value map[string]any) (arn string, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encoding secret %s: %w", name, err)
	}
	out, err := s.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(string(text))})
	if err != nil {
		return "", fmt.Errorf("creating secret %s: %w", name, err)
	}
	return *out.ARN, nil
}

// AsSuperuser runs statements in the database postgres as the superuser, each in a transaction of its own.
func (s *Stack) AsSuperuser(ctx context.Context, statements ...string) error {
	name, password := s.PG.Superuser()
	return run(ctx, s.PG.URL(name, password, "postgres"), statements)
}

// AsMaster runs statements in Database as the master user, each in a transaction of its own.
func (s *Stack) AsMaster(ctx context.Context, statements ...string) error {
	return run(ctx, s.PG.URL(Master, s.passwords[0], Database), statements)
}

func run(ctx context.Context, url string, statements []string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("running %q: %w", statement, err)
		}
	}
	return nil
}

// Credential is what one version of the secret logs in with.
type Credential struct {
	Version  string `json:"-"` // id
	Username string `json:"username"`
	Password string `json:"password"`
}

// Credential reads the version under a staging label, such as AWSCURRENT.
func (s *Stack) Credential(ctx context.Context, stage string) (Credential, error) {
	return s.credentialOf(ctx, s.ARN, stage)
}

func (s *Stack) credentialOf(ctx context.Context, arn, stage string) (Credential, error) {
	out, err := s.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionStage: &stage})
	if err != nil {
		return Credential{}, fmt.Errorf("reading %s of secret %s: %w", stage, arn, err)
	}
	c := Credential{Version: *out.VersionId}
	if err := json.Unmarshal([]byte(*out.SecretString), &c); err != nil {
		return Credential{}, fmt.Errorf("reading %s of secret %s: it is not the JSON of a credential", stage, arn)
	}
	return c, nil
}

// Connect logs in to Database with a credential; application is what the server's log calls the session.
func (s *Stack) Connect(ctx context.Context, c Credential, application string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(s.PG.URL(c.Username, c.Password, Database))
	if err != nil {
		return nil, fmt.Errorf("logging in as %s: %w", c.Username, err)
	}
	config.RuntimeParams = maps.Clone(config.RuntimeParams)
	config.RuntimeParams["application_name"] = application
	return pgx.ConnectConfig(ctx, config)
}

// Rotate calls RotateSecret with a function of the stack, and waits until the rotation has ended.
func (s *Stack) Rotate(ctx context.Context, f *localaws.Function) error {
	return s.rotate(ctx, s.ARN, f)
}

func (s *Stack) rotate(ctx context.Context, arn string, f *localaws.Function) error {
	_, err := s.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: &arn, RotationLambdaARN: aws.String(f.ARN()),
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}})
	if err != nil {
		return fmt.Errorf("rotating secret %s: %w", arn, err)
	}
	return s.AWS.WaitRotation(ctx, arn)
}

// Act sends the rotating function an action's event, and decodes its answer into answer, a pointer. An error of the function is
// err.
func (s *Stack) Act(ctx context.Context, event, answer any) error {
	return Ask(ctx, s.Function, event, answer)
}

// Ask is Act for any function.
func Ask(ctx context.Context, f *localaws.Function, event, answer any) error {
	payload, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	result, err := f.Invoke(ctx, payload)
	if err != nil {
		return err
	}
	if result.FunctionError != "" {
		var told struct{ ErrorMessage string }
		if err := json.Unmarshal(result.Payload, &told); err != nil {
			return fmt.Errorf("reading the function's error: %w", err)
		}
		return errors.New(told.ErrorMessage)
	}
	if err := json.Unmarshal(result.Payload, answer); err != nil {
		return fmt.Errorf("reading the function's answer: %w", err)
	}
	return nil
}

// Names asks, in Database as the superuser, for a column of names.
func (s *Stack) Names(ctx context.Context, query string) ([]string, error) {
	name, password := s.PG.Superuser()
	conn, err := pgx.Connect(ctx, s.PG.URL(name, password, Database))
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("running %q: %w", query, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
