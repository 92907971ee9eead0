package localaws

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// eventRetention is how long RDS keeps events (RDS User Guide, "Viewing Amazon RDS events").
const eventRetention = 14 * 24 * time.Hour

// AddDBEvent has RDS tell of an event, whose Date, SourceType and SourceIdentifier are needed.
func (s *Stack) AddDBEvent(e types.Event) {
	s.databases.mu.Lock()
	defer s.databases.mu.Unlock()
	s.databases.events = append(s.databases.events, e)
}

// eventQuery is a DescribeEvents request.
type eventQuery struct {
	sourceType types.SourceType // "" = any
	source     string           // identifier, "" = any
	categories []string         // none = any
	from, to   time.Time        // both included
}

func (d *databases) describeEvents(r request) (any, error) {
	q, err := parseEventQuery(r, time.Now())
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	selected := []types.Event{}
	for _, e := range d.events {
		if q.selects(e) {
			selected = append(selected, e)
		}
	}
	slices.SortStableFunc(selected, func(a, b types.Event) int { return a.Date.Compare(*b.Date) })
	page, marker, err := recordPage(r, selected)
	return struct {
		Events []types.Event
		Marker *string
	}{page, marker}, err
}

func parseEventQuery(r request, now time.Time) (eventQuery, error) {
	q := eventQuery{sourceType: types.SourceType(r.form.Get("SourceType")), source: identifierOf(r.form.Get("SourceIdentifier")), to: now}
	if q.source != "" && q.sourceType == "" {
		return q, &apiError{code: "InvalidParameterCombination", status: 400, message: "SourceType must be given with SourceIdentifier."}
	}
	for n := 1; r.form.Has("EventCategories.EventCategory." + strconv.Itoa(n)); n++ {
		q.categories = append(q.categories, r.form.Get("EventCategories.EventCategory."+strconv.Itoa(n)))
	}
	return q, q.parseTimes(r, now)
}

// parseTimes reads the interval: the last hour, unless the request tells.
func (q *eventQuery) parseTimes(r request, now time.Time) (err error) {
	minutes := 60
	if text := r.form.Get("Duration"); text != "" {
		minutes, err = strconv.Atoi(text)
	}
	if text := r.form.Get("EndTime"); text != "" && err == nil {
		q.to, err = time.Parse(time.RFC3339, text)
	}
	q.from = q.to.Add(-time.Duration(minutes) * time.Minute)
	if text := r.form.Get("StartTime"); text != "" && err == nil {
		q.from, err = time.Parse(time.RFC3339, text)
	}
	if err != nil || q.from.After(q.to) {
		return &apiError{code: "InvalidParameterValue", status: 400, message: "The interval of the events is invalid."}
	}
	if oldest := now.Add(-eventRetention); q.from.Before(oldest) {
		q.from = oldest
	}
	return nil
}

func (q eventQuery) selects(e types.Event) bool {
	isWanted := func(category string) bool { return slices.Contains(q.categories, category) }
	return !e.Date.Before(q.from) && !e.Date.After(q.to) && (q.sourceType == "" || q.sourceType == e.SourceType) &&
		(q.source == "" || q.source == identifierOf(aws.ToString(e.SourceIdentifier))) &&
		(q.categories == nil || slices.ContainsFunc(e.EventCategories, isWanted))
}

// recordPage cuts the page out of all that MaxRecords and Marker ask for; the marker is the index it goes on at.
func recordPage[T any](r request, all []T) (page []T, marker *string, err error) {
	size, first := 100, 0
	if text := r.form.Get("MaxRecords"); text != "" {
		size, err = strconv.Atoi(text)
	}
	if text := r.form.Get("Marker"); text != "" && err == nil {
		first, err = strconv.Atoi(text)
	}
	if err != nil || size < 20 || size > 100 || first < 0 || first > len(all) {
		return nil, nil, &apiError{code: "InvalidParameterValue", status: 400, message: "MaxRecords or Marker is invalid."}
	}
	end := min(first+size, len(all))
	if end < len(all) {
		marker = aws.String(strconv.Itoa(end))
	}
	return all[first:end], marker, nil
}
