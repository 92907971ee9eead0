package insights_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws/logs/insights"
)

// events are of one stream, a second after another since 1970, and arrive 50 ms late.
func events(messages ...string) []insights.Event {
	var list []insights.Event
	for i, message := range messages {
		at := int64(i+1) * 1000
		list = append(list, insights.Event{Timestamp: at, Ingested: at + 50, Stream: "a.0", Log: "1:g", Message: message,
			Unmasked: "plain " + message, Pointer: fmt.Sprint("p", i)})
	}
	return list
}

// query runs text over events, and shows each row as "name=value name=value". The rows of stats come sorted: their order is none.
func query(text string, limit int, over []insights.Event) (rows []string, matched int64, err error) {
	q, err := insights.Parse(text)
	if err != nil {
		return nil, 0, err
	}
	r := q.Start(limit)
	for _, e := range over {
		if err := r.Add(e); err != nil {
			return nil, 0, err
		}
	}
	result, err := r.Rows()
	for _, row := range result {
		var fields []string
		for _, f := range row {
			fields = append(fields, f.Name+"="+f.Value)
		}
		rows = append(rows, strings.Join(fields, " "))
	}
	if q.StatsCommands() > 0 && !strings.Contains(text, "sort ") {
		slices.Sort(rows)
	}
	return rows, r.Matched(), err
}

var sample = events("user=ann n=5", "user=bob n=12", "disconnect", "user=ann n=7")

const parsed = `parse @message /user=(?<user>\w+) n=(?<n>\d+)/ | `

func TestQueries(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`fields @message`:                                                                       {"@message=user=ann n=7 @ptr=p3", "@message=disconnect @ptr=p2", "@message=user=bob n=12 @ptr=p1", "@message=user=ann n=5 @ptr=p0"},
		`filter @message like "disc"`:                                                           {"@timestamp=1970-01-01 00:00:03.000 @message=disconnect @ptr=p2"},
		`filter @message like "Disc"`:                                                           nil,
		`filter @message like /(?i)DISC/ | display @logStream`:                                  {"@logStream=a.0 @ptr=p2"},
		`filter @message like /DISC/`:                                                           nil,
		`filter @message =~ /^disc/ | fields @log, @ingestionTime`:                              {"@log=1:g @ingestionTime=1970-01-01 00:00:03.050 @ptr=p2"},
		`filter @message not like /user/ | fields @logStream as s`:                              {"s=a.0 @ptr=p2"},
		`fields @message | sort @timestamp asc | limit 1`:                                       {"@message=user=ann n=5 @ptr=p0"},
		`fields @message | limit 1`:                                                             {"@message=user=ann n=7 @ptr=p3"},
		`filter @message in ["disconnect", "x"] | stats count(*)`:                               {"count(*)=1"},
		`filter @message = "disconnect" | stats count() as n`:                                   {"n=1"},
		`where @message != 'disconnect' | stats count(*) as n`:                                  {"n=3"},
		`filter toMillis(@timestamp) >= 3000 and not @message like "ann" | stats count(*) as n`: {"n=1"},
		"# a comment\nstats count(*) as n # another":                                            {"n=4"},
		`fields unmask(@message) as m | filter m like /^plain disc/ | stats count(*) as n`:      {"n=1"},

		parsed + `stats count(*) as entries, count(n) as numbers, max(n) as most by user`:  {"entries=1 numbers=0", "user=ann entries=2 numbers=2 most=7", "user=bob entries=1 numbers=1 most=12"},
		parsed + `filter user = "ann" | stats sum(n) as s, min(n) as l, avg(n) as a`:       {"s=12 l=5 a=6"},
		parsed + `filter ispresent(user) and user != "ann" | stats count(*) as n2`:         {"n2=1"},
		parsed + `filter n > 6 | stats count(*) as n2 by user`:                             {"user=ann n2=1", "user=bob n2=1"},
		parsed + `filter user = "none" or n >= 12 | fields user, n + 1 as next, n`:         {"user=bob next=13 n=12 @ptr=p1"},
		parsed + `filter ispresent(user) | stats latest(n) as l, earliest(n) as e by user`: {"user=ann l=7 e=5", "user=bob l=12 e=12"},
		parsed + `stats count(*) as c by coalesce(user, @logStream) as who`:                {"who=a.0 c=1", "who=ann c=2", "who=bob c=1"},
		parsed + `stats count(*) as c by user | filter c > 1`:                              {"user=ann c=2"},
		parsed + `filter ispresent(user) | stats count(*) as c by user | sort c desc`:      {"user=ann c=2", "user=bob c=1"},
		parsed + `filter ispresent(user) | stats max(n) as m by user | stats sum(m) as t`:  {"t=19"},
		parsed + `parse user /^(?<initial>\w)/ | stats count(*) as c by initial`:           {"c=1", "initial=a c=2", "initial=b c=1"},

		`stats max(toMillis(@timestamp)) as newest, max(toMillis(@ingestionTime) - toMillis(@timestamp)) as delay by @logStream`: {"@logStream=a.0 newest=4000 delay=50"},
		`stats count(*) as n by bin(2s)`:                                         {"bin(2s)=1970-01-01 00:00:00.000 n=1", "bin(2s)=1970-01-01 00:00:02.000 n=2", "bin(2s)=1970-01-01 00:00:04.000 n=1"},
		`stats count(*) as n by bin(300s) as t`:                                  {"t=1970-01-01 00:00:00.000 n=4"},
		`stats count(*) as n by substr(@message, 0, 4)`:                          {"substr(@message, 0, 4)=disc n=1", "substr(@message, 0, 4)=user n=3"},
		`stats sum(strlen(@message)) as s, sum(2 + 3 * 2 ^ 2 - 10 / 5 % 3) as a`: {"s=47 a=48"},
		`filter strcontains(@message, "ann") = 1 | stats count(*) as n`:          {"n=2"},
		`fields @ptr | limit 1`:                                                  {"@ptr=p3"},
		`limit 1 `:                                                               {"@timestamp=1970-01-01 00:00:04.000 @message=user=ann n=7 @ptr=p3"},
		`fields concat(toupper("a"), tolower("B"), trim(" c "), replace("dd", "d", "e")) as s, abs(1 - 3) as n, ceil(1.2) as c, floor(1.8) as f, greatest(1, 3, 2) as g, least(2, 1) as l | limit 1`: {"s=Abcee n=2 c=2 f=1 g=3 l=1 @ptr=p3"},
		`fields isempty("") as e, isblank(" ") as b, isblank("x") as x, fromMillis(0) as t | limit 1`:                                                                                                {"e=1 b=1 x=0 t=1970-01-01 00:00:00.000 @ptr=p3"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got, _, err := query(text, 0, sample); err != nil || !slices.Equal(got, want) {
				t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
			}
		})
	}
}

func TestMatchedAreTheEventsBeforeStats(t *testing.T) {
	t.Parallel()
	_, matched, err := query(`filter @message like "user" | stats count(*) as n by @message | filter n > 1`, 0, sample)
	if err != nil || matched != 3 {
		t.Errorf("%d, %v, want 3", matched, err)
	}
}

func TestLimitCutsRows(t *testing.T) {
	t.Parallel()
	rows, matched, err := query(`stats count(*) as n by @message`, 2, sample)
	if err != nil || len(rows) != 2 || matched != 4 {
		t.Errorf("%q of %d events, %v", rows, matched, err)
	}
}

func TestRowsAreTenThousandUnlessTold(t *testing.T) {
	t.Parallel()
	many := slices.Repeat(events("x"), 10_001)
	for text, want := range map[string]int{`fields @message`: 10_000, `fields @message | limit 10001`: 10_001} {
		if rows, _, err := query(text, 0, many); err != nil || len(rows) != want {
			t.Errorf("%s: %d rows, %v, want %d", text, len(rows), err, want)
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1001)
	rows, _, err := query(`fields @message`, 1, events(long))
	if err != nil || rows[0] != "@message="+long[:2000]+" @ptr=p0" {
		t.Errorf("%d bytes, %v", len(rows[0]), err)
	}
}

// What AWS refuses, and what its documentation leaves open where a query's text shows it.
func TestQueriesThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		``:                                "unexpected end",
		`fields @message |`:               "unexpected end",
		`fields @message extra`:           "unexpected symbol found extra",
		`| fields @message`:               "unexpected symbol found |",
		`anomaly`:                         "unexpected symbol found anomaly",
		`SOURCE logGroups()`:              "unexpected symbol found SOURCE",
		`fields reverse(@message)`:        "the function reverse is not known",
		`fields if(1 = 1, 2, 3)`:          "the function if is not known",
		`fields mod(3, 2)`:                "the function mod is not known",
		`fields strlen(@message, 1)`:      "wrong number of arguments of strlen",
		`fields usr`:                      "nothing defines the field usr",
		`fields @message as @log`:         "defined twice",
		`fields @log as a, @message as a`: "defined twice",
		`parse @message /(?<a>x)/ | parse @message /(?<a>y)/`: "defined twice",
		`parse @message /(?<a>x)/ | stats count(*) as a`:      "defined twice",
		`parse @message /(x)(?<a>y)/`:                         "without a name",
		`parse @message /x/`:                                  "needs a named group",
		`parse @message "*: *" as a, b`:                       "glob",
		`parse /(?<a>x)/`:                                     "unexpected symbol found /",
		`filter @message like /a.b/`:                          "matches a newline",
		`filter @message like /[a/]/`:                         "a slash in a class",
		`filter @message like /a(?=b)/`:                       "this kind of group",
		`filter @message like /(?<!a)b/`:                      "this kind of group",
		`filter @message like /(?s)a/`:                        "this kind of group",
		`filter @message like /(a)\1/`:                        `the escape \1`,
		`filter @message like /\bx/`:                          `the escape \b`,
		`filter @message like /é/`:                            "multi-byte",
		`filter @message like /(a/`:                           "missing closing )",
		`filter @message like /a`:                             "does not end",
		`filter @message like "a`:                             "does not end",
		`filter @message like "a\"b"`:                         "a backslash in a string",
		`filter @message like "a" limit 5`:                    "unexpected symbol found limit",
		`filter unmask(@message) like "a"`:                    "the function unmask is not known",
		`filter @message ; limit 5`:                           "unexpected symbol found ;",
		`stats max(*)`:                                        "max needs an expression",
		`stats median(@message)`:                              "no aggregate median",
		`stats count(*) as n by @log | fields @message`:       "nothing defines the field @message",
		`stats count(*) as n by @log | stats latest(n)`:       "latest after a stats command",
		`stats count(*) by bin(3w)`:                           "bin takes ms, s, m or h",
		`sort @timestamp`:                                     "sort without asc or desc",
		`limit 5 | fields @message`:                           "after sort or limit",
		`sort @timestamp asc | filter @message like "a"`:      "after sort or limit",
		`limit 0`:      "between 1 and 100,000",
		`limit 100001`: "between 1 and 100,000",
		strings.Repeat(" ", insights.MaxText) + `limit 5`: "more than 10,000 characters",
	} {
		t.Run(text[max(0, len(text)-60):], func(t *testing.T) {
			t.Parallel()
			_, err := insights.Parse(text)
			if _, ok := errors.AsType[*insights.SyntaxError](err); !ok || !strings.Contains(err.Error(), reason) {
				t.Errorf("%v, want %s", err, reason)
			}
		})
	}
}

// What the documentation leaves open where only an event shows it.
func TestRunsThatAreRefused(t *testing.T) {
	t.Parallel()
	long := slices.Concat(sample, events(strings.Repeat("x", 1001)))
	for text, reason := range map[string]string{
		parsed + `filter user != "ann"`:                   "a negated comparison with an absent field",
		parsed + `filter user not like /a/`:               "a negated comparison with an absent field",
		parsed + `filter user not in ["ann"]`:             "a negated comparison with an absent field",
		parsed + `filter not user = "ann"`:                "a negated comparison with an absent field",
		parsed + `filter not (user = "x" and n > 1)`:      "a negated comparison with an absent field",
		parsed + `fields strlen(user)`:                    "taking an absent field for a text",
		parsed + `fields n + 1`:                           "taking an absent field for a number",
		parsed + `filter user < "b"`:                      `taking the text "ann" for a number`,
		parsed + `stats max(user)`:                        `taking the text "ann" for a number`,
		parsed + `stats latest(user)`:                     "a field that the record lacks",
		parsed + `filter n`:                               "for true or false",
		parsed + `sort n asc`:                             "the order of",
		`parse @message /^user(?<a>x)?/ | stats count(*)`: "a group that took no part",
		`stats max(@timestamp)`:                           "taking the time",
		`stats latest(@timestamp)`:                        "take toMillis of it",
		`stats count(*) by @message`:                      "more than 1,000 characters",
		`fields substr(@message, 20)`:                     "beyond the end",
		`fields 1 / 0`:                                    "no number",
		`fields toMillis(@message)`:                       "toMillis of the text",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, _, err := query(text, 0, long)
			if _, ok := errors.AsType[insights.UndocumentedError](err); !ok || !strings.Contains(err.Error(), reason) {
				t.Errorf("%v, want %s", err, reason)
			}
		})
	}
}

// Whatever text comes in: a query is refused with its reason, or keeps to its limit.
func FuzzQueries(f *testing.F) {
	for _, text := range []string{`fields @message | limit 3`, parsed + `stats count(*) as c, max(n) by user, bin(5m) | sort c desc | limit 2`,
		`filter @message like /a[^\]x]/ or not @log in ["a", 'b'] # comment`, `fields substr(@message, 1 + 2, 3 ^ 4 % 5) as s, unmask(@message)`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, _, err := query(text, 2, sample)
		_, isSyntax := errors.AsType[*insights.SyntaxError](err)
		_, isUndocumented := errors.AsType[insights.UndocumentedError](err)
		if err != nil && !isSyntax && !isUndocumented {
			t.Errorf("%q: %v is no error of this package", text, err)
		}
		if len(rows) > 2 && !strings.Contains(text, "limit") {
			t.Errorf("%q: %d rows, want 2 at most", text, len(rows))
		}
	})
}
