package bench_test

import (
	"os"
	"path/filepath"
	"testing"

	"pgrotator/rotator/internal/localaws"
)

// BenchmarkStart is the time from exec to the first request for an event, of a new process each time, beside the bare function's.
func BenchmarkStart(b *testing.B) {
	s := start(b)
	beside(b, addBare(b, s), s.Function, bounds{wall: 2}, func(f *localaws.Function) cost {
		f.Kill()
		// The answer, an error about the event, is of no account here: only that a new process was there to give it.
		result, err := f.Invoke(b.Context(), []byte("{}"))
		if err != nil || result.Init == 0 {
			b.Fatalf("no new process took the event: %v", err)
		}
		return cost{wall: result.Init}
	})
}

// mostInZip is the largest that the zip for arm64 may be, in units of 10⁶ bytes.
const mostInZip = 10

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
			if arch == "arm64" {
				b.Logf("zip-MB: %s", judge(megabytes(b, archive), mostInZip))
			}
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
