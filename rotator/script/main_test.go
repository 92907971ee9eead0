package script_test

import (
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

var server *localpg.Server

func TestMain(m *testing.M) {
	pgtest.Main(m, localpg.Options{Major: 15}, &server)
}
