package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
	"pgrotator/rotator/internal/states"
	"pgrotator/rotator/publish"
)

// fleetMachine interprets the template's state machine of a fleet, with its text: the sweep function is "sweep", its bucket "results".
func fleetMachine(t *testing.T, stack *localaws.Stack) (*states.Machine, []byte) {
	t.Helper()
	text := newStack(readTemplate(t), fleetOfMany).resolve(readTemplate(t).Resources["FleetSweep"].Properties["DefinitionString"]).(string)
	r := fleetReach{stack}
	return &states.Machine{Invoke: r.invoke, Get: r.get, Put: r.put},
		[]byte(strings.NewReplacer("<SweepFunction.Arn>", "sweep", "<FleetResults>", "results").Replace(text))
}

// fleetReach is what the state machine reaches.
type fleetReach struct{ aws *localaws.Stack }

func (r fleetReach) invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	result, err := r.aws.Function(function).Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	if result.FunctionError == "" {
		return result.Payload, nil
	}
	var told struct{ ErrorType string }
	if err := json.Unmarshal(result.Payload, &told); err != nil {
		return nil, err
	}
	return nil, &states.Error{Name: told.ErrorType, Cause: string(result.Payload)}
}

func (r fleetReach) get(ctx context.Context, bucket, key string) ([]byte, error) {
	object, err := publish.Open(ctx, s3.NewFromConfig(r.aws.Config()), bucket, key)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	return io.ReadAll(object)
}

func (r fleetReach) put(ctx context.Context, bucket, key string, body []byte) error {
	_, err := s3.NewFromConfig(r.aws.Config()).PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	return err
}

// A list that no state would hold goes through S3: hundreds of secrets with long names, of which one is swept. Where it cannot be read, that
// is told.
func TestFleetOfLongNames(t *testing.T) {
	t.Parallel()
	const rotated = 480
	stack := awstest.Start(t)
	stack.SetBucket("results", localaws.Bucket{})
	binary, err := localaws.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stack.AddFunction(localaws.FunctionOptions{Name: "sweep", Binary: binary, Env: environmentOfFunction(t, "SweepFunction", fleetOfMany)}); err != nil {
		t.Fatal(err)
	}
	client := secretsmanager.NewFromConfig(stack.Config())
	create := func(name, tag string) {
		_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}"),
			Tags: []types.Tag{{Key: aws.String("pgrotator"), Value: &tag}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	create("broken", "sweep")
	for n := range rotated {
		create(fmt.Sprintf("%0512d", n), "rotate")
	}
	machine, definition := fleetMachine(t, stack)
	if _, err := machine.Run(t.Context(), definition, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	lists := stack.Objects("results", "lists/")
	if len(lists) != 1 || len(lists[0].Body) < 256<<10 || strings.Count(string(lists[0].Body), "secretId") != rotated+1 {
		t.Fatalf("%d lists were written, %.200s", len(lists), lists)
	}
	if notices := stack.Notices(); len(notices) != 1 || notices[0].Subject != "Fleet of 1 databases: 1 failed" {
		t.Errorf("told %+v", notices)
	}
	machine.Get = func(context.Context, string, string) ([]byte, error) {
		return nil, errors.New("AccessDenied: no s3:GetObject")
	}
	if _, err := machine.Run(t.Context(), definition, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if notices := stack.Notices(); len(notices) != 2 || !strings.Contains(notices[1].Message, `"States.ItemReaderFailed": "AccessDenied: no s3:GetObject"`) || !strings.Contains(notices[1].Message, "broken: no run") {
		t.Errorf("the list is refused, and told is %+v", notices)
	}
}
