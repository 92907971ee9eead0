package evidence

import (
	"regexp"
	"strconv"
	"sync"
	"time"
)

// sessionTime is how a disconnection tells how long the session lasted, in any language (postgres.c, log_disconnections).
var sessionTime = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`:  [^"]*? (\d+):(\d\d):(\d\d)\.(\d{3}) `)
})

// lasted is how long the session lasted that a genuine disconnection ends; 0 = it does not say.
func lasted(disconnection string) time.Duration {
	m := sessionTime().FindStringSubmatch(disconnection)
	if m == nil {
		return 0
	}
	var d time.Duration
	for n, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond} {
		count, err := strconv.ParseInt(m[n+1], 10, 32)
		if err != nil {
			return 0
		}
		d += time.Duration(count) * unit
	}
	return d
}
