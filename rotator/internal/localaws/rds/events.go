package rds

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// eventRetention is how long RDS keeps events (RDS User Guide, "Viewing Amazon RDS events").
const eventRetention = 14 * 24 * time.Hour

// AddDBEvent has RDS tell of an event, whose Date, SourceType and SourceIdentifier are needed.
func (d *Databases) AddDBEvent(e types.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// eventQuery is a DescribeEvents request.
type eventQuery struct {
	sourceType types.SourceType // "" = any
	source     string           // identifier, "" = any
	categories []string         // none = any
	from, to   time.Time        // both included
}

func (d *Databases) describeEvents(r protocol.Request) (any, error) {
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

func parseEventQuery(r protocol.Request, now time.Time) (eventQuery, error) {
	q := eventQuery{sourceType: types.SourceType(r.Form.Get("SourceType")), source: identifierOf(r.Form.Get("SourceIdentifier")), to: now}
	if q.source != "" && q.sourceType == "" {
		return q, &protocol.Error{Code: "InvalidParameterCombination", Status: 400, Message: "SourceType must be given with SourceIdentifier."}
	}
	for n := 1; r.Form.Has("EventCategories.EventCategory." + strconv.Itoa(n)); n++ {
		q.categories = append(q.categories, r.Form.Get("EventCategories.EventCategory."+strconv.Itoa(n)))
	}
	return q, q.parseTimes(r, now)
}

// parseTimes reads the interval: the last hour, unless the request tells.
func (q *eventQuery) parseTimes(r protocol.Request, now time.Time) (err error) {
	minutes := 60
	if text := r.Form.Get("Duration"); text != "" {
		minutes, err = strconv.Atoi(text)
	}
	if text := r.Form.Get("EndTime"); text != "" && err == nil {
		q.to, err = time.Parse(time.RFC3339, text)
	}
	q.from = q.to.Add(-time.Duration(minutes) * time.Minute)
	if text := r.Form.Get("StartTime"); text != "" && err == nil {
		q.from, err = time.Parse(time.RFC3339, text)
	}
	if err != nil || q.from.After(q.to) {
		return &protocol.Error{Code: "InvalidParameterValue", Status: 400, Message: "The interval of the events is invalid."}
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
func recordPage[T any](r protocol.Request, all []T) (page []T, marker *string, err error) {
	size, first := 100, 0
	if text := r.Form.Get("MaxRecords"); text != "" {
		size, err = strconv.Atoi(text)
	}
	if text := r.Form.Get("Marker"); text != "" && err == nil {
		first, err = strconv.Atoi(text)
	}
	if err != nil || size < 20 || size > 100 || first < 0 || first > len(all) {
		return nil, nil, &protocol.Error{Code: "InvalidParameterValue", Status: 400, Message: "MaxRecords or Marker is invalid."}
	}
	end := min(first+size, len(all))
	if end < len(all) {
		marker = aws.String(strconv.Itoa(end))
	}
	return all[first:end], marker, nil
}
