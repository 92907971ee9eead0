package localaws

import (
	"regexp"
	"slices"
	"sync"
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

type noticeLog struct {
	mu        sync.Mutex
	published []Notice
}

// Notices lists what was published through SNS, in order. Every topic exists.
func (s *Stack) Notices() []Notice {
	s.notices.mu.Lock()
	defer s.notices.mu.Unlock()
	return slices.Clone(s.notices.published)
}

func newSNSService(n *noticeLog) *service {
	s := newQueryService("sns", "http://sns.amazonaws.com/doc/2010-03-31/", map[string]operation{"Publish": n.publish})
	s.throttled = &apiError{code: "Throttled", status: 429, message: "Rate exceeded"}
	return s
}

func (n *noticeLog) publish(r request) (any, error) {
	notice := Notice{TopicARN: r.form.Get("TopicArn"), Subject: r.form.Get("Subject"), Message: r.form.Get("Message")}
	switch {
	case !topicARNPattern.MatchString(notice.TopicARN):
		return nil, &apiError{code: "InvalidParameter", status: 400, message: "Invalid parameter: TopicArn"}
	case r.form.Has("Subject") && !subjectPattern.MatchString(notice.Subject):
		return nil, &apiError{code: "InvalidParameter", status: 400, message: "Invalid parameter: Subject"}
	case notice.Message == "" || len(notice.Message) > maxNotice:
		return nil, &apiError{code: "InvalidParameter", status: 400, message: "Invalid parameter: Message too long or empty"}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.published = append(n.published, notice)
	return struct{ MessageId string }{newUUID()}, nil
}
