package logread

import (
	"testing"
	"time"
)

// steady takes requests at the pace for a while, and returns how many there were.
func steady(p *pace, now *time.Time, d time.Duration) int {
	n := 0
	for end := now.Add(d); now.Before(end); n++ {
		*now = now.Add(p.take(*now))
	}
	return n
}

func TestPaceFollowsTheQuota(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]struct{ first, most float64 }{
		"us-east-1": {5, 20}, "eu-west-1": {5, 8}, "eu-central-1": {4, 4}, "ca-west-1": {4, 4},
	} {
		p, now := newPace(Options{Region: region}), time.Unix(0, 0)
		if n := steady(p, &now, 4*time.Second); float64(n) < 4*want.first || float64(n) > 4*want.first+1 {
			t.Errorf("%s: %d requests in the first 4 s, want %v a second", region, n, want.first)
		}
		steady(p, &now, 5*time.Minute)
		if n := steady(p, &now, 10*time.Second); float64(n) < 10*want.most || float64(n) > 10*want.most+1 {
			t.Errorf("%s: %d requests in 10 s at last, want %v a second", region, n, want.most)
		}
	}
}

func TestPaceHalvesAndRecovers(t *testing.T) {
	t.Parallel()
	p, now := newPace(Options{Region: "us-east-1"}), time.Unix(0, 0)
	steady(p, &now, 5*time.Minute)
	p.throttled(now)
	if n := steady(p, &now, 4*time.Second); n < 39 || n > 41 {
		t.Errorf("%d requests in the 4 s after a throttle, want 10 a second", n)
	}
	for range 20 {
		p.throttled(now)
	}
	if wait := p.take(now); wait != 5*time.Second {
		t.Errorf("waits %s after twenty throttles, want 5 s", wait)
	}
	now = now.Add(5 * time.Second)
	steady(p, &now, 5*time.Minute)
	if p.rate != 20 {
		t.Errorf("%v requests a second after five quiet minutes, want 20", p.rate)
	}
}
