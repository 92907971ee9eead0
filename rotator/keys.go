package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// repeatedKey is a key that an object has twice, "" where it has none. encoding/json takes the last value, and a key in another case for
// the same: what a person who typed both has meant is not to be guessed.
func repeatedKey(object []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(object))
	seen := map[string]bool{}
	for _, err := decoder.Token(); err == nil && decoder.More(); {
		var key, value any
		if key, err = decoder.Token(); err != nil || decoder.Decode(&value) != nil {
			return ""
		}
		name, _ := key.(string)
		folded := strings.ToLower(strings.ToUpper(name)) // as encoding/json does: U+017F is an s
		if seen[folded] {
			return name
		}
		seen[folded] = true
	}
	return ""
}
