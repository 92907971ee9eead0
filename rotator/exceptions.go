package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/account"
)

// exceptionKeys are what an object in IGNORE_USER_LIST may say.
var exceptionKeys = []string{"user", "reason", "until", "by"}

// exceptions reads IGNORE_USER_LIST: a JSON list whose entries are names, patterns, or objects that also say why.
func (e *environment) exceptions() []account.Exception {
	value := e.text(envIgnoreUserList, "[]")
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(value), &entries); err != nil || entries == nil { // null is no list of nobody
		e.fault(`%s is %q; expected a JSON list of names or patterns such as ["batch","report_*"]`, envIgnoreUserList, value)
		return nil
	}
	var list []account.Exception
	for n, entry := range entries {
		exception, err := exceptionOf(entry)
		if err != nil {
			e.fault("%s, entry %d: %w", envIgnoreUserList, n+1, err)
		}
		list = append(list, exception)
	}
	return list
}

// exceptionOf reads one entry. What it does not know it refuses: a misspelt key, such as untill, would protect for good.
func exceptionOf(entry json.RawMessage) (account.Exception, error) {
	fields := map[string]*string{}
	if err := json.Unmarshal(entry, &fields); err != nil {
		var user string
		if err := json.Unmarshal(entry, &user); err != nil || string(entry) == "null" {
			return account.Exception{}, fmt.Errorf(`%s is neither a name nor an object of texts such as {"user":"batch_*","reason":"nightly","until":"2027-01-31","by":"ops"}`, entry)
		}
		fields["user"] = &user
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(exceptionKeys, key) {
			return account.Exception{}, fmt.Errorf("unknown key %q; expected %s", key, strings.Join(exceptionKeys, ", "))
		}
		if fields[key] == nil {
			return account.Exception{}, fmt.Errorf("the key %q is null: give it a value, or leave it out", key)
		}
	}
	text := func(key string) string {
		if fields[key] == nil {
			return ""
		}
		return *fields[key]
	}
	exception := account.Exception{User: text("user"), Reason: text("reason"), By: text("by")}
	if exception.User == "" {
		return exception, fmt.Errorf("it holds an empty name")
	}
	if fields["until"] != nil {
		until, err := time.Parse(time.DateOnly, *fields["until"])
		if err != nil {
			return exception, fmt.Errorf(`"until" of %q is %q; expected a date such as "2027-01-31"`, exception.User, *fields["until"])
		}
		exception.Until = until
	}
	return exception, nil
}
