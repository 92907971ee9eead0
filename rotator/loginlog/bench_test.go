package loginlog_test

import (
	"fmt"
	"testing"

	"pgrotator/rotator/loginlog"
)

func BenchmarkParse(b *testing.B) {
	roles := make([]string, 5000)
	for i := range roles {
		roles[i] = fmt.Sprintf("app_user_%04d", i)
	}
	p := loginlog.New(roles, []string{"postgres", "orders", "my db"})
	first, second := make([]string, len(roles)), make([]string, len(roles))
	var mixed, nobodys []string
	for i, role := range roles {
		client := fmt.Sprintf("2026-11-22 07:43:03 UTC:10.0.%d.%d(%d):", i/250, i%250, 30000+i)
		names := fmt.Sprintf("%s@orders:[%d]:", role, 10000+i)
		message := "LOG:  connection authorized: user=" + role + " database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
		first[i] = client + names + message
		second[i] = client + names + "3:00000:2026-11-22 07:43:03 UTC:12/345:0:6b02a10b.3134:[unknown]" + message
		nobodys = append(nobodys,
			fmt.Sprintf("%snobody_%d@orders:[%d]:ERROR:  division by zero", client, i, 10000+i),
			fmt.Sprintf("%snobody_%d@orders:[%d]:STATEMENT:  select 1/0", client, i, 10000+i),
			"\tfurther line of the statement")
		mixed = append(mixed,
			fmt.Sprintf("%s[unknown]@[unknown]:[%d]:LOG:  connection received: host=10.0.0.1 port=%d", client, 10000+i, 30000+i),
			client+names+`LOG:  connection authenticated: identity="`+role+`" method=scram-sha-256 (/rdsdbdata/config/pg_hba.conf:12)`,
			first[i],
			client+names+`ERROR:  duplicate key value violates unique constraint "orders_pkey"`,
			client+names+"STATEMENT:  insert into orders select * from staging where id = any($1) on conflict do nothing",
			"\tfurther line of the statement",
			"2026-11-22 07:43:03 UTC::@:[9]:LOG:  checkpoint starting: time")
	}
	for _, bb := range []struct {
		name   string
		events []string
	}{{"logins", first}, {"logins,second prefix", second}, {"mixed", mixed}, {"nobody's", nobodys}} {
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
		})
	}
}
