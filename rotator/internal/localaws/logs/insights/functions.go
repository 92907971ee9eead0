package insights

import (
	"math"
	"strings"
	"unicode/utf8"
)

// function is one of the language's, with the bounds of how many arguments it takes.
type function struct {
	least, most int
	apply       func([]value) (value, error)
}

// many is the bound of a function that takes any number of arguments.
const many = 100

// functions are those that the documentation describes, but for those on JSON, addresses and calendars:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
var functions = map[string]function{
	"ispresent":   {1, 1, func(v []value) (value, error) { return ofBool(v[0].kind != absent), nil }},
	"coalesce":    {1, many, coalesce},
	"isempty":     {1, 1, func(v []value) (value, error) { return ofBool(v[0].String() == ""), nil }},
	"isblank":     {1, 1, func(v []value) (value, error) { return ofBool(strings.TrimSpace(v[0].String()) == ""), nil }},
	"concat":      {1, many, onTexts(func(s []string) (value, error) { return ofText(strings.Join(s, "")), nil })},
	"strlen":      {1, 1, onTexts(func(s []string) (value, error) { return ofNumber(float64(utf8.RuneCountInString(s[0]))), nil })},
	"toupper":     {1, 1, onTexts(func(s []string) (value, error) { return ofText(strings.ToUpper(s[0])), nil })},
	"tolower":     {1, 1, onTexts(func(s []string) (value, error) { return ofText(strings.ToLower(s[0])), nil })},
	"trim":        {1, 1, onTexts(func(s []string) (value, error) { return ofText(strings.TrimSpace(s[0])), nil })},
	"replace":     {3, 3, onTexts(func(s []string) (value, error) { return ofText(strings.ReplaceAll(s[0], s[1], s[2])), nil })},
	"strcontains": {2, 2, onTexts(strcontains)},
	"substr":      {2, 3, substr},
	"abs":         {1, 1, onNumbers(func(n []float64) float64 { return math.Abs(n[0]) })},
	"ceil":        {1, 1, onNumbers(func(n []float64) float64 { return math.Ceil(n[0]) })},
	"floor":       {1, 1, onNumbers(func(n []float64) float64 { return math.Floor(n[0]) })},
	"greatest":    {1, many, onNumbers(func(n []float64) float64 { return fold(n, math.Max) })},
	"least":       {1, many, onNumbers(func(n []float64) float64 { return fold(n, math.Min) })},
	"toMillis":    {1, 1, toMillis},
	"fromMillis":  {1, 1, fromMillis},
}

// onTexts makes a function of one that takes texts.
func onTexts(f func([]string) (value, error)) func([]value) (value, error) {
	return func(values []value) (value, error) {
		texts := make([]string, len(values))
		for i, v := range values {
			var err error
			if texts[i], err = v.asText(); err != nil {
				return value{}, err
			}
		}
		return f(texts)
	}
}

// onNumbers makes a function of one that takes numbers.
func onNumbers(f func([]float64) float64) func([]value) (value, error) {
	return func(values []value) (value, error) {
		numbers := make([]float64, len(values))
		for i, v := range values {
			var err error
			if numbers[i], err = v.asNumber(); err != nil {
				return value{}, err
			}
		}
		return ofNumber(f(numbers)), nil
	}
}

func fold(numbers []float64, f func(a, b float64) float64) float64 {
	result := numbers[0]
	for _, n := range numbers[1:] {
		result = f(result, n)
	}
	return result
}

// coalesce is the first value that is present.
func coalesce(values []value) (value, error) {
	for _, v := range values {
		if v.kind != absent {
			return v, nil
		}
	}
	return value{}, nil
}

// strcontains is the number 1 or 0.
func strcontains(s []string) (value, error) {
	if strings.Contains(s[0], s[1]) {
		return ofNumber(1), nil
	}
	return ofNumber(0), nil
}

// substr counts characters, from 0. A text may be shorter than what is asked of it, but not end before it begins.
func substr(values []value) (value, error) {
	s, err := values[0].asText()
	if err != nil {
		return value{}, err
	}
	characters := []rune(s)
	bounds := []float64{0, float64(len(characters))}
	for i, v := range values[1:] {
		if bounds[i], err = v.asNumber(); err != nil {
			return value{}, err
		}
	}
	start, length := int(bounds[0]), int(bounds[1])
	if start < 0 || length < 0 || start > len(characters) {
		return value{}, UndocumentedError("substr beyond the end of its text")
	}
	return ofText(string(characters[start:min(start+length, len(characters))])), nil
}

func toMillis(values []value) (value, error) {
	if values[0].kind != moment {
		return value{}, UndocumentedError("toMillis of " + values[0].describe())
	}
	return ofNumber(values[0].number), nil
}

func fromMillis(values []value) (value, error) {
	n, err := values[0].asNumber()
	return ofMoment(int64(n)), err
}

// bin is the start of the period that an event's time lies in.
type bin struct{ width int64 } // ms

func (b bin) eval(r *record) (value, error) {
	return ofMoment(r.event.Timestamp - r.event.Timestamp%b.width), nil
}

// binUnits are the units of bin in ms, and the most of each that it takes: more is cut to that without a word.
var binUnits = map[string]struct{ width, most int64 }{
	"ms": {1, 1000}, "s": {1000, 60}, "m": {60_000, 60}, "h": {3_600_000, 24},
}
