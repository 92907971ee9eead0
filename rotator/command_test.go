package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/terminal"
)

// typed is a command line that was carried out by the binary.
type typed struct {
	out, err string
	status   int
}

// person runs the binary as somebody with the scene's AWS credentials does.
func person(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := localaws.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}, env...)
	return c
}

func run(t *testing.T, env []string, args ...string) typed {
	t.Helper()
	c := person(t, env, args...)
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	if e := c.Run(); e != nil && !errors.As(e, new(*exec.ExitError)) {
		t.Fatal(e)
	}
	return typed{out.String(), err.String(), c.ProcessState.ExitCode()}
}

// want holds a run to its exit status and to what it says on the two outputs.
func (r typed) want(t *testing.T, status int, out, err string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) {
		t.Errorf("it exits with %d, says\n%s\nand tells\n%s\nwant %d, %q and %q", r.status, r.out, r.err, status, out, err)
	}
	for line := range strings.Lines(r.out + r.err) {
		if line = strings.TrimSuffix(line, "\n"); terminal.Safe(line) != line || terminal.Columns(line) > terminal.Width && line[0] != '{' {
			t.Errorf("a line of %d columns: %q", terminal.Columns(line), line)
		}
	}
}

// somebody is who makes accounts with whatever names.
const somebody = "eve\x1b[2J\r\n  ok  \u202ename"

// From nothing to a pair that rotates and sweeps, at a terminal.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, pgtest.Start(t, localpg.Options{TLS: true}), nil)
	masterARN := s.CreateMaster()
	s.Cluster("orders")
	s.CreateSecret(map[string]any{"masterarn": masterARN, "dbClusterIdentifier": "orders"})
	env := append(s.AWS.Environ(), "DB_CA_FILE="+s.PG.CAFile())
	at := func(args ...string) typed { t.Helper(); return run(t, env, args...) }

	at("check", s.SecretID).want(t, 1, "FAILS  current login", "")
	at("setup", s.SecretID, "--for", "sweep").want(t, 0, "+ created role "+s.Shared, "")
	at("setup", s.SecretID).want(t, 0, "Nothing to change", "")
	at("rotate", s.SecretID).want(t, 1, "", "No Lambda rotation function ARN")
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	at("rotate", s.SecretID).want(t, 0, "rotated  AWSCURRENT is version", "")
	rotateTwiceAtOnce(t, s, env)
	s.MustLogin("AWSCURRENT")
	at("check", s.SecretID, "--for", "rotation").want(t, 0, "checks pass", "")

	at("list").want(t, 0, "No secret carries the tag pgrotator", "")
	if _, err := s.Secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &s.SecretID, Tags: []types.Tag{
		{Key: aws.String("pgrotator"), Value: aws.String("rotate+sweep")}}}); err != nil {
		t.Fatal(err)
	}
	at("invoke", "rotation", "list").want(t, 0, "  ok  "+s.SecretID[:40], "")

	s.SQL("CREATE ROLE " + localtest.Ident(somebody) + " LOGIN")
	run(t, append(env, "INGESTION_LAG_SECONDS=0"), "sweep", s.SecretID).want(t, 1, `eve\x1b[2J\r\n`, "")
	here, there := at("check", s.SecretID, "--for=rotation", "--json"), at("invoke", "rotation", "check", s.SecretID, "--json", "--for=rotation")
	here.want(t, 0, `{"ok":true`, "")
	if there.want(t, 0, `{"ok":true`, ""); here.out != there.out {
		t.Errorf("this process says\n%s\nand the function\n%s", here.out, there.out)
	}
	at("invoke", "rotation", "setup", "nobody's").want(t, 1, "", `function "rotation":`)
	at("check", "nobody's", s.SecretID, "--for", "rotation").want(t, 1, "checks pass", "")
	at("setup", "nobody's", "--json").want(t, 1, `{"errorMessage":"`, "pgrotator: ")
	at("invoke", "no-such-function", "check", s.SecretID).want(t, 1, "", `invoking function "no-such-function"`)
}

// rotateTwiceAtOnce: a rotation that is under way is waited for, since the service starts no other.
func rotateTwiceAtOnce(t *testing.T, s *localtest.Scene, env []string) {
	t.Helper()
	held := make(chan struct{})
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "UpdateSecretVersionStage" {
			<-held
		}
		return localaws.Pass
	})
	if _, err := s.Secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &s.SecretID}); err != nil {
		t.Fatal(err)
	}
	second := person(t, env, "rotate", s.SecretID)
	told, err := second.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(told).ReadString('\n'); err != nil || !strings.Contains(line, "An earlier rotation has not ended") {
		t.Errorf("it tells %q, error %v", line, err)
	}
	close(held)
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	s.AWS.Intercept(nil)
}

// Where no database is reached, a person is told who else may ask.
func TestUnreachedDatabase(t *testing.T) {
	t.Parallel()
	stack, _ := newFunction(t, nil)
	_, err := secretsmanager.NewFromConfig(stack.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("app"),
		SecretString: aws.String(`{"engine":"postgres","host":"127.0.0.1","port":1,"username":"app_a","password":"p"}`)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, stack.Environ(), "check", "app").want(t, 1, "pgrotator invoke FUNCTION check", "")
}

// What is wrong with a command line or with the caller's AWS configuration is told before anything is asked.
func TestCommandLineIsWrong(t *testing.T) {
	t.Parallel()
	stack, _ := newFunction(t, nil)
	run(t, nil).want(t, 2, "", "pgrotator COMMAND")
	run(t, nil, "help").want(t, 0, "pgrotator COMMAND", "")
	run(t, nil, "version").want(t, 0, "pgrotator ", "")
	run(t, stack.Environ(), "\x1b[31mchek", "a").want(t, 2, "", `\x1b[31mchek`)
	run(t, stack.Environ(), "check", "a", "--for", "rotations").want(t, 2, "", `"for" is "rotations"`)
	run(t, nil, "check", "a").want(t, 1, "", "no AWS Region is set")
	run(t, []string{"AWS_REGION=eu-west-1"}, "check", "a").want(t, 1, "", "no AWS credentials")
	run(t, append(stack.Environ(), "LOCK_INTERVAL_DAYS=soon"), "sweep", "a").want(t, 1, "", `LOCK_INTERVAL_DAYS is "soon"`)
	if calls := stack.Calls(); len(calls) > 0 {
		t.Errorf("AWS was called: %v", calls)
	}
}

// Ctrl-C ends what is waited for, with the status that shells have for it.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	stack, _ := newFunction(t, nil)
	asked := make(chan struct{}, 1)
	stack.Intercept(func(localaws.Call) localaws.Outcome {
		select {
		case asked <- struct{}{}:
		default:
		}
		return localaws.Delay(time.Hour)
	})
	c := person(t, stack.Environ(), "check", "a")
	var told bytes.Buffer
	c.Stdout, c.Stderr = &told, &told
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != 130 || !strings.Contains(told.String(), "Interrupted") || strings.Contains(told.String(), "check a") {
		t.Errorf("it ends with %v and says\n%s", err, told.String())
	}
}
