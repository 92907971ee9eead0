// Package s3 stands in for the part of Amazon S3 that keeps objects and their versions, and protects them by Object Lock.
package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Bucket is what is set of a bucket. The zero value is one of the Stack's own account and Region that keeps no versions.
type Bucket struct {
	Region    string // "" = the Stack's
	Owner     string // its account's id; "" = the Stack's
	Versioned bool
	Lock      bool                   // Object Lock, which needs versions and so switches them on
	Retention types.DefaultRetention // what Object Lock gives an object that is put without a retention of its own; zero = none
}

// Object is one version of an object.
type Object struct {
	Key         string
	VersionID   string // "" = the bucket keeps no versions
	ContentType string
	Body        []byte
	Encryption  string // x-amz-server-side-encryption as it was put: "" = the bucket's own
	KMSKeyID    string
	LockMode    string // GOVERNANCE, COMPLIANCE, or "" = not locked
	RetainUntil time.Time
}

// sum is the object's SHA-256 as S3's headers have it.
func (o Object) sum() string {
	sum := sha256.Sum256(o.Body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (o Object) locked() bool { return o.LockMode != "" && time.Now().Before(o.RetainUntil) }

// bucket is a bucket with all versions in it, the oldest first.
type bucket struct {
	Bucket
	objects []Object
}

// Buckets are the buckets of an account and those that others let it write to.
type Buckets struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

// New is an account without buckets.
func New() *Buckets {
	return &Buckets{buckets: map[string]*bucket{}}
}

// SetBucket makes a bucket, or sets what it is from now on; what it holds stays.
func (b *Buckets) SetBucket(name string, is Bucket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	is.Versioned = is.Versioned || is.Lock
	if b.buckets[name] == nil {
		b.buckets[name] = &bucket{}
	}
	b.buckets[name].Bucket = is
}

// Objects lists all versions of a bucket's objects whose keys begin with prefix, in the order in which they were put.
func (b *Buckets) Objects(name, prefix string) []Object {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buckets[name] == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.buckets[name].objects), func(o Object) bool { return !strings.HasPrefix(o.Key, prefix) })
}

// find gives the version of an object, the newest where version is "".
func (b *bucket) find(key, version string) (int, bool) {
	for i, o := range slices.Backward(b.objects) {
		if o.Key == key && (version == "" || o.VersionID == version) {
			return i, true
		}
	}
	return 0, false
}

// put adds an object. Without versions it takes the place of the one before.
func (b *bucket) put(o Object) Object {
	if b.Versioned {
		o.VersionID = protocol.RandomHex(16)
	} else if i, found := b.find(o.Key, ""); found {
		b.objects = slices.Delete(b.objects, i, i+1)
	}
	b.objects = append(b.objects, o)
	return o
}
