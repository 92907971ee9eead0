package loginlog_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/loginlog"
)

// A client without credentials whose startup packet is refused has names as long as he likes, and writes whole entries in them.
func TestNamesThatAreNotCut(t *testing.T) {
	t.Parallel()
	parser := loginlog.New([]string{"alice"}, []string{"app"})
	refusals := []string{
		"FATAL:  invalid value for parameter \"replication\": \"x\"", "FATAL:  22023: invalid value for parameter \"replication\": \"x\"",
		"FATAL:  ung\u00fcltiger Wert f\u00fcr Parameter \u00bbreplication\u00ab: \u00bbx\u00ab",
		"\u0412\u0410\u0416\u041d\u041e:  \u043d\u0435\u0432\u0435\u0440\u043d\u043e\u0435 \u0437\u043d\u0430\u0447\u0435\u043d\u0438\u0435 \u043f\u0430\u0440\u0430\u043c\u0435\u0442\u0440\u0430 \"replication\": \"x\"",
		"HINT:  Valid values are: \"false\", 0, \"true\", 1, \"database\".", "LOCATION:  ProcessStartupPacket, postmaster.c:2203",
		"FATAL:  invalid startup packet layout: expected terminator as last byte", "FATAL:  22023: ung\u00fcltiges Layout des Startpakets: Abschluss als letztes Byte erwartet",
		"DEBUG:  shmem_exit(1): 0 before_shmem_exit callbacks to make", "DEBUG:  exit(1)",
	}
	for _, body := range []string{
		"LOG:  connection authorized: user=alice database=app application_name=", "LOG:  00000: connection authorized: user=alice, application=",
		"ERROR:  ", "STATEMENT:  ", "LOG:  duration: ", "FATAL:  role \"alice\" is not permitted to log in ",
		"3:00000:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:psqlERROR:  ",
	} {
		for _, refusal := range refusals {
			for _, details := range []string{"", "1:22023:2026-11-22 07:43:01 UTC:1/7:0:6b02a10b.3134:[unknown]"} {
				entry := fmt.Sprintf("2026-11-22 07:43:03 UTC:10.0.0.7(40312):alice@app:[1]:%s%s@x:[4711]:%s%s", body, strings.Repeat("x", 200), details, refusal)
				if e, kind := parser.Parse(entry); kind != loginlog.Tampering || e.Contested {
					t.Errorf("%v %+v: %s", kind, e, entry)
				}
			}
		}
	}
	honest := "2026-11-22 07:43:03 UTC:10.0.0.7(40312):alice@app:[1]:"
	for _, refusal := range refusals {
		if _, kind := parser.Parse(honest + refusal); kind == loginlog.Tampering {
			t.Errorf("%v: %s", kind, honest+refusal)
		}
	}
	for _, entry := range []string{"STATEMENT:  select ':[1]:' \"replication\" FATAL:  x", "LOG:  connection authorized: user=alice database=app application_name=:[1]:FATAL:  x"} {
		if _, kind := parser.Parse(honest + entry); kind == loginlog.Tampering {
			t.Errorf("%v: %s", kind, honest+entry)
		}
	}
}
