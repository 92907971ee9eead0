package rotation_test

import (
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	plaintext := pgtest.Start(t, localpg.Options{Major: 15})
	for name, c := range map[string]struct {
		pg      *localpg.Server
		env     map[string]string
		keys    map[string]any
		refusal []string // nil = rotates
	}{
		"CA known":              {pg: server},
		"ssl true":              {pg: server, keys: map[string]any{"ssl": true}},
		"ssl false":             {pg: server, keys: map[string]any{"ssl": false}},
		"unknown CA":            {pg: server, env: map[string]string{"DB_CA_FILE": ""}, refusal: []string{"signed by an unknown CA", "DB_CA_FILE"}},
		"wrong host name":       {pg: server, keys: map[string]any{"host": "0.0.0.0"}, refusal: []string{"is for another host name"}},
		"plaintext server":      {pg: plaintext, keys: map[string]any{"ssl": nil}, refusal: []string{"the server refused TLS", `"ssl": false`}},
		"plaintext, ssl true":   {pg: plaintext, keys: map[string]any{"ssl": true}, refusal: []string{"the server refused TLS"}},
		"plaintext, ssl false":  {pg: plaintext, keys: map[string]any{"ssl": false}},
		"plaintext, ssl a text": {pg: plaintext, keys: map[string]any{"ssl": "False"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := localtest.New(t, c.pg, c.env)
			s.ArticleRoles("CREATEROLE")
			s.CreateSecret(c.keys)
			if c.refusal != nil {
				mustRefuseRotation(t, s, c.refusal...)
				return
			}
			rotateAndCheck(t, s, 1)
		})
	}
}
