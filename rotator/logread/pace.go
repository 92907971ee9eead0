package logread

import "time"

// The pace of FilterLogEvents, in requests a second.
const (
	firstPace   = 5.0
	slowestPace = 0.2
	// quotaShare is what is used of a quota at most: it is everybody's in the account and Region.
	quotaShare = 0.8
	// quiet is how long no request may have been throttled before the pace grows.
	quiet = 5 * time.Second
)

// eventQuota is how many FilterLogEvents requests a second an account has in a Region; it cannot be raised (CloudWatch Logs quotas).
func eventQuota(region string) float64 {
	switch region {
	case "us-east-1":
		return 25
	case "ap-northeast-3", "ap-southeast-3", "ca-west-1", "eu-central-1", "il-central-1":
		return 5
	}
	return 10
}

func mostPace(region string) float64 { return quotaShare * eventQuota(region) }

// Pace is how many FilterLogEvents requests a second are sent, to begin with and at most.
type Pace struct{ First, Most float64 }

// pace says when the next request may be sent. It finds out how much of the quota others leave.
type pace struct {
	rate, most float64
	next       time.Time // when the next request may be sent
	quietSince time.Time
}

func newPace(o Options) *pace {
	if o.Pace != (Pace{}) {
		return &pace{rate: o.Pace.First, most: o.Pace.Most}
	}
	most := mostPace(o.Region)
	return &pace{rate: min(firstPace, most), most: most}
}

// take plans a request, and returns how long it has to wait.
func (p *pace) take(now time.Time) time.Duration {
	if p.quietSince.IsZero() {
		p.quietSince = now
	}
	if now.Sub(p.quietSince) >= quiet {
		p.rate, p.quietSince = min(p.rate+1, p.most), now
	}
	at := now
	if p.next.After(now) {
		at = p.next
	}
	p.next = at.Add(time.Duration(float64(time.Second) / p.rate))
	return at.Sub(now)
}

// throttled slows down.
func (p *pace) throttled(now time.Time) {
	p.rate, p.quietSince = max(p.rate/2, slowestPace), now
	p.next = now.Add(time.Duration(float64(time.Second) / p.rate))
}
