package logs

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"pgrotator/rotator/internal/localaws/protocol"
)

// recordPointer is where an event lies, as @ptr tells it.
type recordPointer struct {
	Group    string
	Position position
}

func (p recordPointer) String() string {
	// Strings and numbers always encode.
	encoded, _ := json.Marshal(p)
	return base64.StdEncoding.EncodeToString(encoded)
}

// getRecord answers the fields of one event.
func (l *Store) getRecord(c protocol.Caller, in *cloudwatchlogs.GetLogRecordInput) (any, error) {
	encoded, err := base64.StdEncoding.DecodeString(aws.ToString(in.LogRecordPointer))
	var p recordPointer
	if err != nil || json.Unmarshal(encoded, &p) != nil {
		return nil, protocol.InvalidParameter("The specified logRecordPointer is invalid.")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	group, err := l.find(&p.Group)
	if err != nil {
		return nil, err
	}
	if in.Unmask {
		if err := l.permitUnmask(c, group); err != nil {
			return nil, err
		}
	}
	stream, err := group.find(&p.Position.Stream)
	if err != nil {
		return nil, err
	}
	for e := range stream.seen(l.view(group, p.Position.Timestamp, p.Position.Timestamp, in.Unmask)) {
		if e.sequence == p.Position.Sequence {
			return map[string]map[string]string{"logRecord": record(group, stream, e)}, nil
		}
	}
	return nil, protocol.NotFound("The specified log record does not exist.")
}

// record is an event as fields, whose names are those that Logs Insights gives them.
func record(g *logGroup, s *logStream, e storedEvent) map[string]string {
	return map[string]string{
		"@message": e.message, "@timestamp": strconv.FormatInt(e.timestamp, 10), "@ingestionTime": strconv.FormatInt(e.ingested, 10),
		"@logStream": s.name, "@log": protocol.AccountID + ":" + g.name}
}
