// Package sns stands in for Amazon SNS: it keeps what is published.
package sns

import (
	"regexp"
	"slices"
	"sync"

	"pgrotator/rotator/internal/localaws/protocol"
)

var (
	topicARNPattern = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$`)
	// A subject is ASCII, without line breaks or control characters, at most 100 long.
	subjectPattern = regexp.MustCompile(`^[!-~][ -~]{0,99}$`)
)

// maxNotice bounds a message, in bytes.
const maxNotice = 256 << 10

// Notice is a message published to a topic.
type Notice struct {
	TopicARN string
	Subject  string // "" = none was given
	Message  string
}

// Log is what was published to any topic.
type Log struct {
	mu        sync.Mutex
	published []Notice
}

// Notices lists what was published through SNS, in order. Every topic exists.
func (n *Log) Notices() []Notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.published)
}

// Service is the API of n.
func (n *Log) Service() *protocol.Service {
	s := protocol.NewQueryService("sns", "http://sns.amazonaws.com/doc/2010-03-31/", map[string]protocol.Operation{"Publish": n.publish})
	s.Throttled = &protocol.Error{Code: "Throttled", Status: 429, Message: "Rate exceeded"}
	return s
}

func (n *Log) publish(r protocol.Request) (any, error) {
	notice := Notice{TopicARN: r.Form.Get("TopicArn"), Subject: r.Form.Get("Subject"), Message: r.Form.Get("Message")}
	switch {
	case !topicARNPattern.MatchString(notice.TopicARN):
		return nil, &protocol.Error{Code: "InvalidParameter", Status: 400, Message: "Invalid parameter: TopicArn"}
	case r.Form.Has("Subject") && !subjectPattern.MatchString(notice.Subject):
		return nil, &protocol.Error{Code: "InvalidParameter", Status: 400, Message: "Invalid parameter: Subject"}
	case notice.Message == "" || len(notice.Message) > maxNotice:
		return nil, &protocol.Error{Code: "InvalidParameter", Status: 400, Message: "Invalid parameter: Message too long or empty"}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.published = append(n.published, notice)
	return struct{ MessageId string }{protocol.NewUUID()}, nil
}
