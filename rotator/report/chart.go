package report

import (
	"fmt"
	"time"
)

// The charts are drawn in these units, which the page scales.
const (
	chartWidth  = 760
	chartLeft   = 44 // of the first bar; an axis is on its left
	plotWidth   = chartWidth - chartLeft - 8
	idleHeight  = 180 // of the highest bar
	idleBins    = 16
	laneHeight  = 34 // of an instance in the timeline
	timelineTop = 18
)

// bar is a rectangle of a chart.
type bar struct {
	X, Y, W, H float64
	Class      string // of its colour
	Title      string // what a pointer shows
}

// mark is a line across a chart, with its text.
type mark struct {
	X     float64
	Label string
	End   bool // the text is on the left of the line
}

// idleChart is how many accounts have been idle for how long.
type idleChart struct {
	BinDays int // the width of a bar
	Bars    []bar
	Marks   []mark
	Bins    []idleBin
	Unknown int // accounts whose idle time nobody knows
	Most    int // the highest bar
	Width   int
	Height  int
}

// idleBin is a bar's numbers.
type idleBin struct {
	From, To  int // days; To = -1: and more
	Open      int // may log in, and are looked after
	Closed    int // locked or dropped
	LeftAlone int
}

func newIdleChart(p Policy) idleChart {
	axis := 90
	for _, days := range []*int{p.LockDays, p.DeleteDays} {
		if days != nil {
			axis = max(axis, *days)
		}
	}
	c := idleChart{BinDays: max(1, (axis*4/3+idleBins-2)/(idleBins-1)), Width: chartWidth, Height: idleHeight + 40}
	for n := range idleBins {
		c.Bins = append(c.Bins, idleBin{From: n * c.BinDays, To: (n+1)*c.BinDays - 1})
	}
	c.Bins[idleBins-1].To = -1
	for _, threshold := range []struct {
		days *int
		text string
	}{{p.LockDays, "lock"}, {p.DeleteDays, "drop"}} {
		if threshold.days != nil {
			x := c.x(float64(*threshold.days) / float64(c.BinDays))
			c.Marks = append(c.Marks, mark{X: x, Label: fmt.Sprintf("%s at %s", threshold.text, count(*threshold.days, "day")), End: x > chartWidth-140})
		}
	}
	return c
}

func (c *idleChart) x(bins float64) float64 { return chartLeft + bins*plotWidth/idleBins }

func (c *idleChart) add(a Account) {
	if a.IdleDays == nil {
		c.Unknown++
		return
	}
	bin := &c.Bins[min(*a.IdleDays/c.BinDays, idleBins-1)]
	switch {
	case a.Exemption != "":
		bin.LeftAlone++
	case a.Status != "Active":
		bin.Closed++
	default:
		bin.Open++
	}
}

// draw makes the bars once all accounts are in.
func (c *idleChart) draw() {
	for _, b := range c.Bins {
		c.Most = max(c.Most, b.Open+b.Closed+b.LeftAlone)
	}
	for n, b := range c.Bins {
		y := float64(idleHeight)
		for _, part := range []struct {
			accounts    int
			class, text string
		}{{b.Open, "open", "open"}, {b.Closed, "closed", "closed"}, {b.LeftAlone, "alone", "left alone"}} {
			if part.accounts == 0 {
				continue
			}
			h := float64(part.accounts) * (idleHeight - 24) / float64(c.Most)
			y -= h
			c.Bars = append(c.Bars, bar{X: c.x(float64(n)) + 1, Y: y, W: float64(plotWidth)/idleBins - 2, H: h, Class: part.class,
				Title: fmt.Sprintf("%s idle for %s: %s", count(part.accounts, "account"), b.Span(), part.text)})
		}
	}
}

// Span is the bin's days.
func (b idleBin) Span() string {
	if b.To < 0 {
		return fmt.Sprintf("%d days and more", b.From)
	}
	if b.From == b.To {
		return count(b.From, "day")
	}
	return fmt.Sprintf("%d to %d days", b.From, b.To)
}

// Label is what stands below the bin's bar.
func (b idleBin) Label() string {
	if b.To < 0 {
		return fmt.Sprintf("%d+", b.From)
	}
	return fmt.Sprint(b.From)
}

// Begin is where the nth bin begins, which its label says.
func (c idleChart) Begin(n int) float64 { return c.x(float64(n)) }

// timeline is since when, and up to when, each instance's record is unbroken, with the gaps that this run found.
type timeline struct {
	Lanes  []lane
	Marks  []mark
	From   time.Time
	To     time.Time
	Width  int
	Height int
}

type lane struct {
	Name string
	Y    float64 // of its text
	Bars []bar
}

func timelineOf(r Report) timeline {
	t := timeline{Width: chartWidth}
	for _, i := range r.Evidence.Instances {
		t.stretch(i.From, i.To)
	}
	for _, g := range r.Evidence.Gaps {
		t.stretch(g.From, g.To)
	}
	if len(r.Evidence.Instances) == 0 || !t.From.Before(t.To) {
		return timeline{}
	}
	for n, i := range r.Evidence.Instances {
		l := lane{Name: i.Name, Y: timelineTop + float64(n)*laneHeight + 12}
		l.Bars = append(l.Bars, t.bar(l.Y, i.From, i.To, "record", fmt.Sprintf("unbroken from %s to %s", minuteOf(i.From), minuteOf(i.To))))
		for _, g := range r.Evidence.Gaps {
			if g.Instance == i.Name {
				l.Bars = append(l.Bars, t.bar(l.Y, g.From, g.To, "gap", fmt.Sprintf("gap from %s to %s: %s", minuteOf(g.From), minuteOf(g.To), g.Cause)))
			}
		}
		t.Lanes = append(t.Lanes, l)
	}
	if r.Policy.LockDays != nil && r.Evidence.To != nil {
		if since := r.Evidence.To.AddDate(0, 0, -*r.Policy.LockDays); since.After(t.From) {
			x := t.x(since)
			t.Marks = append(t.Marks, mark{X: x, Label: fmt.Sprintf("%s before its end", count(*r.Policy.LockDays, "day")), End: x > chartWidth-160})
		}
	}
	t.Height = timelineTop + laneHeight*len(t.Lanes) + 24
	return t
}

// stretch widens the timeline to hold a time span. A zero time is none.
func (t *timeline) stretch(from, to time.Time) {
	if !from.IsZero() && (t.From.IsZero() || from.Before(t.From)) {
		t.From = from
	}
	if to.After(t.To) {
		t.To = to
	}
}

func (t *timeline) x(at time.Time) float64 {
	return chartLeft + plotWidth*float64(at.Sub(t.From))/float64(t.To.Sub(t.From))
}

// bar is a stretch of time in a lane, wide enough to be seen.
func (t *timeline) bar(y float64, from, to time.Time, class, title string) bar {
	if from.Before(t.From) {
		from = t.From
	}
	x := t.x(from)
	return bar{X: x, Y: y + 4, W: max(2, t.x(to)-x), H: 12, Class: class, Title: title}
}
