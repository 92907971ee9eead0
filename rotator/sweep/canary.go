package sweep

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// canaryPrefix begins the application_name of the sweep's own sessions.
const canaryPrefix = "pgrotator-sweep-"

// newCanary makes an application_name that no other login has. It says when it was made, since the table keeps a time for the
// newest canary only.
func newCanary(now time.Time) string {
	var nonce [6]byte
	rand.Read(nonce[:])
	return canaryPrefix + strconv.FormatInt(now.UnixMilli(), 36) + "-" + hex.EncodeToString(nonce[:])
}

// canaryTime is when a canary was made, by the function's clock; zero if the text is no canary.
func canaryTime(canary string) time.Time {
	text, _, _ := strings.Cut(strings.TrimPrefix(canary, canaryPrefix), "-")
	ms, err := strconv.ParseInt(text, 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
