package sweep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/sweep"
)

// sweeperEnv has this test binary sweep the secret it names and tell what it cost, in a process of its own: the stand-ins' memory
// is not the sweep's.
const sweeperEnv = "SWEEP_TEST_SECRET"

// cost is what one sweep took.
type cost struct {
	Events  int
	Wall    time.Duration
	CPU     time.Duration
	PeakRSS int64 // bytes
}

func sweepAlone() int {
	ctx := context.Background()
	config, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s := sweep.New(secret.NewStore(secretsmanager.NewFromConfig(config)), cloudwatchlogs.NewFromConfig(config), rds.NewFromConfig(config),
		sns.NewFromConfig(config), postgres.Opener{}, sweep.Options{LockDays: 90, Lag: time.Second, StateSchema: "public"}, slog.New(slog.NewJSONHandler(io.Discard, nil))).Unpaced()
	begun := time.Now()
	report, err := s.Run(ctx, os.Getenv(sweeperEnv), false)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c := cost{Wall: time.Since(begun), CPU: time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), PeakRSS: usage.Maxrss * 1024}
	for _, i := range report.Evidence.Instances {
		c.Events += i.Events
	}
	if err := json.NewEncoder(os.Stdout).Encode(c); err != nil {
		return 1
	}
	return 0
}

func BenchmarkSweep(b *testing.B) {
	for _, lines := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			for b.Loop() {
				c := sweepLines(b, lines, 5000)
				b.ReportMetric(float64(c.Events)/c.CPU.Seconds(), "lines/cpu-s")
				b.ReportMetric(float64(c.Events)/c.Wall.Seconds(), "lines/s")
				b.ReportMetric(float64(c.PeakRSS)/(1<<20), "peak-MiB")
			}
		})
	}
}

// BenchmarkManyRoles is a sweep of 100,000 roles and hardly a line.
func BenchmarkManyRoles(b *testing.B) {
	for b.Loop() {
		c := sweepLines(b, 1000, 100_000)
		b.ReportMetric(c.Wall.Seconds(), "s/sweep")
		b.ReportMetric(float64(c.PeakRSS)/(1<<20), "peak-MiB")
	}
}

// sweepLines sweeps a log of so many logins in a day, by so many roles.
func sweepLines(b *testing.B, lines, roles int) cost {
	b.Helper()
	s := newStage(b, pgtest.Start(b, localpg.Options{Major: 15}), localaws.PublishOptions{})
	s.stopPublishing()
	s.exec(fmt.Sprintf("DO $$ BEGIN FOR n IN 0..%d LOOP EXECUTE format('CREATE ROLE %%I LOGIN', '%suser' || n); END LOOP; END $$", roles-1, s.prefix))
	end := time.Now().UTC().Truncate(time.Second)
	start := end.Add(-23 * time.Hour)
	every := end.Sub(start) / time.Duration(lines)
	s.stack.SetLogSource(s.group, s.stream, func(from, to time.Time, yield func(localaws.Event) bool) {
		for n := max(0, int(from.Sub(start)/every)); n < lines; n++ {
			at := start.Add(time.Duration(n) * every).Truncate(time.Second)
			if at.After(to) || !at.Before(from) && !yield(localaws.Event{Time: at, Message: loginLine(at, s.prefix, n, n%roles)}) {
				return
			}
		}
	})
	command := exec.CommandContext(b.Context(), os.Args[0])
	command.Env = append(os.Environ(), append(s.stack.Environ(), sweeperEnv+"="+s.prefix)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		b.Fatal(err)
	}
	var c cost
	if err := json.Unmarshal(out, &c); err != nil {
		b.Fatal(err)
	}
	if c.Events < lines {
		b.Fatalf("%d events were read of %d", c.Events, lines)
	}
	return c
}

func loginLine(at time.Time, prefix string, n, user int) string {
	return fmt.Sprintf("%s UTC:10.0.%d.%d(%d):%suser%d@%s:[%d]:LOG:  connection authorized: user=%suser%d database=%s application_name=some application SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",
		at.Format(time.DateTime), n%200, n%250, 1024+n%60000, prefix, user, prefix, 2+n%32000, prefix, user, prefix)
}
