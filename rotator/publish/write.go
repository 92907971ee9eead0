package publish

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// Written is an object that was written.
type Written struct {
	Bytes     int64
	SHA256    [sha256.Size]byte
	VersionID string // "" = the bucket keeps no versions
}

// Write puts what write writes into an object, by way of a file on the function's own disk: so it needs no more memory, however long
// it is. After an error Written holds what was known until then.
func (b *Bucket) Write(ctx context.Context, key, contentType string, write func(io.Writer) error) (w Written, err error) {
	file, err := os.CreateTemp("", "pgrotator-")
	if err != nil {
		return w, fmt.Errorf("making a file in the function's own storage: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	sum := sha256.New()
	if err := write(io.MultiWriter(file, sum)); err != nil {
		return w, err
	}
	if w.Bytes, err = file.Seek(0, io.SeekCurrent); err != nil {
		return w, err
	}
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return w, err
	}
	w.SHA256 = [sha256.Size]byte(sum.Sum(nil))
	w.VersionID, err = b.Put(ctx, Object{Key: key, ContentType: contentType, Body: file, SHA256: w.SHA256})
	return w, err
}
