// Package publish hands what a run tells to people: objects in a bucket of S3, notices to a topic of SNS, findings in Security
// Hub.
package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"pgrotator/rotator/awserror"
)

// Place is where objects are kept.
type Place struct {
	Bucket string
	Prefix string // of all keys, without a slash at its ends; "" = none
	KMSKey string // the key that encrypts them, by its id, alias or ARN; "" = the account's own for S3
}

// Bucket writes objects into a place of the function's own account and Region.
type Bucket struct {
	client *s3.Client
	place  Place
}

// NewBucket is nil where the place names no bucket.
func NewBucket(client *s3.Client, place Place) *Bucket {
	if place.Bucket == "" {
		return nil
	}
	return &Bucket{client: client, place: place}
}

// Object is something to be kept.
type Object struct {
	Key         string // below the prefix
	ContentType string
	Body        io.ReadSeeker
	SHA256      [sha256.Size]byte // of the body, which S3 checks
}

// URI is where an object of that key is, s3://….
func (b *Bucket) URI(key string) string { return "s3://" + b.place.Bucket + "/" + b.key(key) }

func (b *Bucket) key(key string) string {
	if b.place.Prefix == "" {
		return key
	}
	return b.place.Prefix + "/" + key
}

// Put writes an object, encrypted by KMS, and returns its version id, "" where the bucket keeps no versions. Where the bucket has
// Object Lock with a default retention, S3 gives it to the object.
func (b *Bucket) Put(ctx context.Context, o Object) (version string, err error) {
	out, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.place.Bucket, Key: aws.String(b.key(o.Key)), Body: o.Body, ContentType: &o.ContentType,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(o.SHA256[:])),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: optional(b.place.KMSKey),
		ExpectedBucketOwner: optional(ownAccount(ctx)),
	})
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", b.URI(o.Key), b.explain(ctx, err))
	}
	return aws.ToString(out.VersionId), nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ownAccount is the function's account, as its invocation names it; "" outside of Lambda.
func ownAccount(ctx context.Context) string {
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ""
	}
	if parts := strings.Split(invocation.InvokedFunctionArn, ":"); len(parts) > 4 { // arn:partition:lambda:region:account:…
		return parts[4]
	}
	return ""
}

// explain adds the next step to S3's errors that do not tell it.
func (b *Bucket) explain(ctx context.Context, err error) error {
	var refusal smithy.APIError
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() == http.StatusMovedPermanently {
		return fmt.Errorf("%w (the bucket is in Region %q and the function in %q: name a bucket of the function's Region)",
			err, cmp.Or(response.Response.Header.Get("X-Amz-Bucket-Region"), "another"), b.client.Options().Region)
	}
	if errors.As(err, &refusal) && refusal.ErrorCode() == "NoSuchBucket" {
		return fmt.Errorf("%w (make the bucket, or set REPORT_BUCKET to one that exists)", err)
	}
	if owner := ownAccount(ctx); owner != "" && awserror.Denied(err) {
		err = fmt.Errorf("%w (the bucket must belong to account %s)", err, owner)
	}
	return awserror.S3.Explain(err)
}

// Retention is what a bucket's Object Lock gives every object: its mode, and for how many days or years. Its zero value is none.
type Retention struct {
	Mode  string
	Days  int
	Years int
}

// Retention reads the bucket's default retention.
func (b *Bucket) Retention(ctx context.Context) (Retention, error) {
	out, err := b.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{
		Bucket: &b.place.Bucket, ExpectedBucketOwner: optional(ownAccount(ctx))})
	var refusal smithy.APIError
	if errors.As(err, &refusal) && refusal.ErrorCode() == "ObjectLockConfigurationNotFoundError" {
		return Retention{}, nil
	}
	if err != nil {
		return Retention{}, fmt.Errorf("reading Object Lock of bucket %s: %w", b.place.Bucket, b.explain(ctx, err))
	}
	if out.ObjectLockConfiguration == nil || out.ObjectLockConfiguration.Rule == nil || out.ObjectLockConfiguration.Rule.DefaultRetention == nil {
		return Retention{}, nil
	}
	r := out.ObjectLockConfiguration.Rule.DefaultRetention
	return Retention{Mode: string(r.Mode), Days: int(aws.ToInt32(r.Days)), Years: int(aws.ToInt32(r.Years))}, nil
}

// Save writes a JSON object into any bucket of the function's own account, encrypted as the bucket does it by itself.
func Save(ctx context.Context, client *s3.Client, bucket, key string, body []byte) error {
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
		ExpectedBucketOwner: optional(ownAccount(ctx))})
	if err != nil {
		return fmt.Errorf("writing s3://%s/%s: %w", bucket, key, awserror.S3.Explain(err))
	}
	return nil
}

// Open opens any object of S3 for reading.
func Open(ctx context.Context, client *s3.Client, bucket, key string) (io.ReadCloser, error) {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("reading s3://%s/%s: %w", bucket, key, awserror.S3.Explain(err))
	}
	return out.Body, nil
}
