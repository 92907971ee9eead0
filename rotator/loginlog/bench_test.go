package loginlog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgrotator/rotator/loginlog"
	"pgrotator/rotator/loginlog/testdata/first"
)

// BenchmarkParse tells, besides, how long the same events take in relation to version 1.0's parser in the same run: time/1.0.
func BenchmarkParse(b *testing.B) {
	roles := make([]string, 5000)
	for i := range roles {
		roles[i] = fmt.Sprintf("app_user_%04d", i)
	}
	databases := []string{"postgres", "orders", "my db"}
	p, former := loginlog.New(roles, databases), first.New(roles, databases)
	plain, second := make([]string, len(roles)), make([]string, len(roles))
	var mixed, nobodys []string
	for i, role := range roles {
		client := fmt.Sprintf("2026-11-22 07:43:03 UTC:10.0.%d.%d(%d):", i/250, i%250, 30000+i)
		names := fmt.Sprintf("%s@orders:[%d]:", role, 10000+i)
		message := "LOG:  connection authorized: user=" + role + " database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
		plain[i] = client + names + message
		second[i] = client + names + "3:00000:2026-11-22 07:43:03 UTC:12/345:0:6b02a10b.3134:[unknown]" + message
		nobodys = append(nobodys,
			fmt.Sprintf("%snobody_%d@orders:[%d]:ERROR:  division by zero", client, i, 10000+i),
			fmt.Sprintf("%snobody_%d@orders:[%d]:STATEMENT:  select 1/0", client, i, 10000+i),
			"\tfurther line of the statement")
		mixed = append(mixed,
			fmt.Sprintf("%s[unknown]@[unknown]:[%d]:LOG:  connection received: host=10.0.0.1 port=%d", client, 10000+i, 30000+i),
			client+names+`LOG:  connection authenticated: identity="`+role+`" method=scram-sha-256 (/rdsdbdata/config/pg_hba.conf:12)`,
			plain[i],
			client+names+`ERROR:  duplicate key value violates unique constraint "orders_pkey"`,
			client+names+"STATEMENT:  insert into orders select * from staging where id = any($1) on conflict do nothing",
			"\tfurther line of the statement",
			"2026-11-22 07:43:03 UTC::@:[9]:LOG:  checkpoint starting: time")
	}
	for _, bb := range []struct {
		name   string
		events []string
	}{{"logins", plain}, {"logins,second prefix", second}, {"mixed", mixed}, {"nobody's", nobodys}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				p.Parse(bb.events[i])
				if i++; i == len(bb.events) {
					i = 0
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(ratio(bb.events, func(e string) { p.Parse(e) }, func(e string) { former.Parse(e) }), "time/1.0")
		})
	}
}

// Each parser goes through a few events so often, in turns, and the fastest time counts: the machine has other work, too.
const (
	rounds = 21
	few    = 250
)

// ratio is the time that one parser takes for events to that of another.
func ratio(events []string, now, then func(string)) float64 {
	var fastest, former time.Duration
	for part := range slices.Chunk(events, few) {
		n, t := pass(part, now), pass(part, then)
		for range rounds {
			n, t = min(n, pass(part, now)), min(t, pass(part, then))
		}
		fastest, former = fastest+n, former+t
	}
	return float64(fastest) / float64(former)
}

func pass(events []string, parse func(string)) time.Duration {
	begun := time.Now()
	for _, e := range events {
		parse(e)
	}
	return time.Since(begun)
}
