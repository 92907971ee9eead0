package loginlog

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

var testParser = New([]string{"alice"}, []string{"app"})

// inEveryForm is an entry of alice's under both prefixes, plain and verbose.
func inEveryForm(severity, message string) []string {
	const first = "2026-11-22 07:43:03 UTC:10.0.0.7(35542):alice@app:[101]:"
	const second = "2026-11-22 07:43:03.560 UTC:10.0.0.7(35542):alice@app:[101]:4:28000:2026-11-22 07:43:01 UTC:1/1:0:6b02a10b.3134:[unknown]"
	plain, verbose := severity+":  "+message, severity+":  28000: "+message
	return []string{first + plain, first + verbose, second + plain, second + verbose}
}

// sample is a message of the text, with a word for each value.
func (x *text) sample() string { return strings.Join(x.between, "v") }

// Each known message is judged alike in each language, verbosity and prefix, and none passes for a sign of life.
func TestEveryText(t *testing.T) {
	t.Parallel()
	known := knownTexts()
	texts := slices.Concat(known.loose[:]...)
	for _, list := range slices.Concat(slices.Collect(maps.Values(known.byBeginning)), slices.Collect(maps.Values(known.byEnd))) {
		texts = append(texts, list...)
	}
	judged := 0
	for _, x := range texts {
		severity, want := "LOG", Attempt
		switch x.use {
		case useAttempt:
		case useAmbiguous:
			want = Ambiguous
		case useRefusal, usePacketRefusal:
			severity, want = "FATAL", Refusal
		default:
			continue
		}
		judged++
		for _, entry := range inEveryForm(severity, x.sample()) {
			if _, kind := testParser.Parse(entry); kind != want {
				t.Errorf("%v, want %v: %s", kind, want, entry)
			}
		}
	}
	if judged < 2000 {
		t.Errorf("%d messages", judged)
	}
}

// Each word for a severity ends the names, and says what the entry is.
func TestEverySeverity(t *testing.T) {
	t.Parallel()
	kinds := map[severity]Kind{
		severityLog: Sign, severityError: Sign, severityWarning: Sign, severityNotice: Sign, severityInfo: Sign,
		severityStatement: Sign, severityFatal: Ambiguous, severityDebug: Ambiguous, severityPanic: Ambiguous,
	}
	for word, s := range knownTexts().severities {
		want, ok := kinds[s]
		if !ok {
			want = Detail
		}
		for _, entry := range inEveryForm(word, "x") {
			if e, kind := testParser.Parse(entry); kind != want || e.User != "alice" || e.Entry != s.String() {
				t.Errorf("%v %+v, want %v: %s", kind, e, want, entry)
			}
		}
		forged := strings.Replace(inEveryForm(word, "x")[0], "@app:", "@app:[1]:ERROR:  x:", 1)
		if _, kind := testParser.Parse(forged); kind != Tampering {
			t.Errorf("%v: %s", kind, forged)
		}
	}
}

// The words of the catalogues are found with what translators wrote around the colon.
func TestWordsAsWritten(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"ASTUCE :  ", "PILE D'APPEL : ", "쿼리:", "위치: ", "მდებარეობა:   ", "AYRINTI:", "ПОЛОЖЕНИЕ: "} {
		if s, message, ok := cutSeverity(written + "x"); !ok || s < severityDetail || strings.TrimLeft(message, " ") != "x" {
			t.Errorf("%q: %v %q %v", written, s, message, ok)
		}
	}
}
