package sweep_test

import (
	"encoding/json"
	"testing"

	"pgrotator/rotator/internal/localaws"
)

func TestDebugReport(t *testing.T) {
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	s.user("idle", 100)
	report := s.run()
	text, _ := json.MarshalIndent(report, "", " ")
	t.Logf("%s", text)
	t.Log(query[string](s, "SELECT json_agg(j)::text FROM user_login_job_status j"))
}
