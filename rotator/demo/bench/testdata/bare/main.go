// The least that a rotation through setup's function can be: the same AWS calls, connections and verifier as the rotator's, and
// nothing else. No retry, no check, no guard, no word of what went wrong. It is what the benchmarks compare the rotator with.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/verifier"
)

type event struct{ Step, SecretId, ClientRequestToken, RotationToken string }

type function struct {
	secrets *secretsmanager.Client
	roots   func() *x509.CertPool // read on first use
}

func main() {
	config, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	f := function{secrets: secretsmanager.NewFromConfig(config), roots: sync.OnceValue(readRoots)}
	lambda.Start(f.handle)
}

// readRoots reads the system's roots too: HTTPS to AWS does so in every function, and the stand-in speaks plaintext HTTP.
func readRoots() *x509.CertPool {
	roots, err := x509.SystemCertPool()
	if err != nil {
		panic(err)
	}
	pem, err := os.ReadFile(os.Getenv("DB_CA_FILE"))
	if err != nil {
		panic(err)
	}
	roots.AppendCertsFromPEM(pem)
	return roots
}

func (f function) handle(ctx context.Context, e event) error {
	description, err := f.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretId})
	if err != nil {
		return err
	}
	switch e.Step {
	case "createSecret":
		return f.create(ctx, e)
	case "setSecret":
		return f.set(ctx, e)
	case "testSecret":
		return f.test(ctx, e)
	case "finishSecret":
		return f.finish(ctx, e, description.VersionIdsToStages)
	}
	return fmt.Errorf("unknown step %q", e.Step)
}

func (f function) read(ctx context.Context, e event, stage string) (map[string]any, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &e.SecretId, VersionStage: &stage}
	if stage == "AWSPENDING" {
		in.VersionId = &e.ClientRequestToken
	}
	out, err := f.secrets.GetSecretValue(ctx, in)
	if err != nil {
		return nil, err
	}
	var value map[string]any
	return value, json.Unmarshal([]byte(*out.SecretString), &value)
}

func (f function) create(ctx context.Context, e event) error {
	var value map[string]any
	var made *secretsmanager.GetRandomPasswordOutput
	var unread, unmade error
	var all sync.WaitGroup
	all.Go(func() { value, unread = f.read(ctx, e, "AWSCURRENT") })
	all.Go(func() { _, _ = f.read(ctx, e, "AWSPENDING") }) // the call is what costs; there is nothing to read yet
	all.Go(func() {
		made, unmade = f.secrets.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{ExcludeCharacters: aws.String(`:/@"'\%`)})
	})
	all.Wait()
	if err := errors.Join(unread, unmade); err != nil {
		return err
	}
	value["username"] = map[any]string{"app_a": "app_b", "app_b": "app_a"}[value["username"]]
	value["password"] = *made.RandomPassword
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = f.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &e.SecretId, SecretString: aws.String(string(text)),
		ClientRequestToken: &e.ClientRequestToken, RotationToken: &e.RotationToken, VersionStages: []string{"AWSPENDING"}})
	return err
}

func (f function) connect(ctx context.Context, value map[string]any) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database = value["host"].(string), uint16(value["port"].(float64)), value["dbname"].(string)
	config.User, config.Password = value["username"].(string), value["password"].(string)
	config.TLSConfig = &tls.Config{ServerName: config.Host, RootCAs: f.roots()}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return pgx.ConnectConfig(ctx, config)
}

func (f function) set(ctx context.Context, e event) error {
	var current, pending map[string]any
	var without, lacking error
	var both sync.WaitGroup
	both.Go(func() { current, without = f.read(ctx, e, "AWSCURRENT") })
	both.Go(func() { pending, lacking = f.read(ctx, e, "AWSPENDING") })
	both.Wait()
	if err := errors.Join(without, lacking); err != nil {
		return err
	}
	conn, err := f.connect(ctx, current)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	made, err := verifier.New(verifier.Default, pending["username"].(string), pending["password"].(string))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "SELECT rotation_app.set_other_user($1, 'infinity')", made)
	return err
}

func (f function) test(ctx context.Context, e event) error {
	pending, err := f.read(ctx, e, "AWSPENDING")
	if err != nil {
		return err
	}
	conn, err := f.connect(ctx, pending)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT 1")
	return err
}

func (f function) finish(ctx context.Context, e event, stages map[string][]string) error {
	for version, labels := range stages {
		for _, label := range labels {
			if label == "AWSCURRENT" {
				_, err := f.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &e.SecretId,
					VersionStage: aws.String(label), MoveToVersionId: &e.ClientRequestToken, RemoveFromVersionId: &version})
				return err
			}
		}
	}
	return errors.New("no version is staged AWSCURRENT")
}
