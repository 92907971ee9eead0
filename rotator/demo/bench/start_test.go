package bench_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

// BenchmarkStart is the time from exec to the first request for an event, of a new process each time.
func BenchmarkStart(b *testing.B) {
	s := start(b)
	bare := addBare(b, s)
	b.Run("bare", func(b *testing.B) { starts(b, bare) })
	b.Run("rotator", func(b *testing.B) { starts(b, s.Function) })
}

// starts tells the median besides the average, since whatever else the machine does makes single starts slow.
func starts(b *testing.B, f *localaws.Function) {
	b.Helper()
	var taken []time.Duration
	var sum time.Duration
	for b.Loop() {
		f.Kill()
		// The answer, an error about the event, is of no account here: only that a new process was there to give it.
		result, err := f.Invoke(b.Context(), []byte("{}"))
		if err != nil || result.Init == 0 {
			b.Fatalf("no new process took the event: %v", err)
		}
		taken = append(taken, result.Init)
		sum += result.Init
	}
	slices.Sort(taken)
	b.ReportMetric(float64(sum.Nanoseconds())/float64(len(taken)), "ns/op")
	b.ReportMetric(float64(taken[len(taken)/2].Microseconds())/1000, "median-ms")
	reportPeak(b, f)
}

// BenchmarkPackage tells the sizes of the deployed binary and of its zip; what is timed is making both, by the Makefile.
func BenchmarkPackage(b *testing.B) {
	for _, arch := range []string{"arm64", "amd64"} {
		b.Run(arch, func(b *testing.B) {
			folder := b.TempDir()
			binary, archive := filepath.Join(folder, "bootstrap"), filepath.Join(folder, "bootstrap.zip")
			for b.Loop() {
				command(b, "make", "-C", "../../..", "build-RotationFunction", "GOARCH="+arch, "ARTIFACTS_DIR="+folder)
				command(b, "go", "run", "pgrotator/rotator/internal/lambdazip", binary, archive)
			}
			b.ReportMetric(megabytes(b, binary), "binary-MB")
			b.ReportMetric(megabytes(b, archive), "zip-MB")
		})
	}
}

// megabytes is a file's size in units of 10⁶ bytes.
func megabytes(b *testing.B, file string) float64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}
