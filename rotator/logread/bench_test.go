package logread_test

import (
	"fmt"
	"testing"

	"pgrotator/rotator/logread"
)

// BenchmarkTally divides whole events into rows, as a second reading does of a log of up to 128 MB. MB/s says how long that takes.
func BenchmarkTally(b *testing.B) {
	var logins, mixed []logread.Event
	for i := range 5000 {
		client := fmt.Sprintf("2026-11-22 07:43:03 UTC:10.0.%d.%d(%d):", i/250, i%250, 30000+i)
		mark := fmt.Sprintf("%sapp_user_%04d@orders:[%d]:", client, i, 10000+i)
		login := fmt.Sprintf("%sLOG:  connection authorized: user=app_user_%04d database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)", mark, i)
		logins = append(logins, event(login))
		mixed = append(mixed,
			event(fmt.Sprintf("%s[unknown]@[unknown]:[%d]:LOG:  connection received: host=10.0.0.1 port=%d", client, 10000+i, 30000+i)),
			event(login),
			event(mark+`ERROR:  duplicate key value violates unique constraint "orders_pkey"`),
			event(mark+"STATEMENT:  insert into orders select * from staging where id = any($1) on conflict do nothing"),
			event("\tfurther line of the statement"),
			event("2026-11-22 07:43:03 UTC::@:[9]:LOG:  checkpoint starting: time"))
	}
	for _, bb := range []struct {
		name   string
		events []logread.Event
	}{{"logins", logins}, {"mixed", mixed}} {
		b.Run(bb.name, func(b *testing.B) {
			tally, bytes, i := logread.NewTally(), 0, 0
			for b.Loop() {
				tally.Event(bb.events[i])
				bytes += len(bb.events[i].Message)
				if i++; i == len(bb.events) {
					i = 0
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(float64(bytes)/1e6/b.Elapsed().Seconds(), "MB/s")
		})
	}
}

func event(message string) logread.Event {
	return logread.Event{Stream: "orders-1.0", Message: message}
}
