package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Place is where in S3 the list of a fleet is written: the ItemReader of a Distributed Map takes longer ones than a state holds, 256 KiB.
type Place struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix"` // of the key; "" = none
}

// Admit refuses a place without a bucket.
func (p Place) Admit() error {
	if p.Bucket == "" {
		return errors.New(`the event's key "into" needs bucket, and may have prefix: the list is written there`)
	}
	return nil
}

// Items tells where a list has been written, a JSON list of [Member], and how long it is.
type Items struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Count  int    `json:"count"`
}

// Save writes an object of S3.
type Save func(ctx context.Context, bucket, key string, body []byte) error

// Write writes the secrets of a list, under a key that no other list has.
func (p Place) Write(ctx context.Context, save Save, list List, now time.Time) (Items, error) {
	text, err := json.Marshal(list.Secrets)
	if err != nil {
		return Items{}, err
	}
	key := strings.TrimPrefix(p.Prefix+"/"+now.UTC().Format("2006-01-02T15-04-05Z")+"-"+rand.Text()+".json", "/")
	if err := save(ctx, p.Bucket, key, text); err != nil {
		return Items{}, err
	}
	return Items{Bucket: p.Bucket, Key: key, Count: len(list.Secrets)}, nil
}
