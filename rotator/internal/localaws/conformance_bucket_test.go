package localaws_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pgrotator/rotator/internal/localaws/awstest"
)

// bucketChecks are those of S3.
func bucketChecks() map[string]check {
	return map[string]check{
		"object comes back as it was put":                  checkObjectComesBackAsItWasPut,
		"object that is not as its checksum is refused":    checkObjectThatIsNotAsItsChecksumIsRefused,
		"unknown bucket and key are not found":             checkUnknownBucketAndKeyAreNotFound,
		"bucket of another owner is refused":               checkBucketOfAnotherOwnerIsRefused,
		"versions stay, and are locked as the bucket says": checkVersionsStayAndAreLocked,
		"lock is told, and where there is none":            checkLockIsToldAndWhereThereIsNone,
		"retention needs a bucket with Object Lock":        checkRetentionNeedsABucketWithObjectLock,
	}
}

// newBucket makes a bucket of its own for a check.
func newBucket(t *testing.T, to target, locked bool) (client *s3.Client, name string) {
	t.Helper()
	name = unique("bucket")
	to.addBucket(t, name, locked)
	return s3.NewFromConfig(to.config), name
}

// text is an object to put, with its checksum.
func text(bucket, key, body string) *s3.PutObjectInput {
	sum := sha256.Sum256([]byte(body))
	return &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body), ContentType: aws.String("text/plain; charset=utf-8"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:]))}
}

func bodyOf(t *testing.T, client *s3.Client, in *s3.GetObjectInput) (*s3.GetObjectOutput, string) {
	t.Helper()
	out, err := client.GetObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return out, string(body)
}

func checkObjectComesBackAsItWasPut(t *testing.T, to target) {
	client, bucket := newBucket(t, to, false)
	put := text(bucket, "a b/ü+%/page.html", "hello")
	put.ServerSideEncryption, put.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String("alias/reports")
	put.ExpectedBucketOwner = aws.String("123456789012")
	if out, err := client.PutObject(t.Context(), put); err != nil || out.VersionId != nil || out.ServerSideEncryption != types.ServerSideEncryptionAwsKms {
		t.Fatalf("%+v, %v", out, err)
	}
	out, body := bodyOf(t, client, &s3.GetObjectInput{Bucket: &bucket, Key: put.Key, ChecksumMode: types.ChecksumModeEnabled})
	if body != "hello" || *out.ContentType != "text/plain; charset=utf-8" || aws.ToString(out.ChecksumSHA256) != *put.ChecksumSHA256 {
		t.Errorf("%q, %+v", body, out)
	}
}

func checkObjectThatIsNotAsItsChecksumIsRefused(t *testing.T, to target) {
	client, bucket := newBucket(t, to, false)
	put := text(bucket, "k", "hello")
	put.Body = strings.NewReader("jello")
	_, err := client.PutObject(t.Context(), put)
	awstest.WantCode(t, err, "BadDigest")
}

func checkUnknownBucketAndKeyAreNotFound(t *testing.T, to target) {
	client, bucket := newBucket(t, to, false)
	_, err := client.PutObject(t.Context(), text(unique("none"), "k", "hello"))
	awstest.WantCode(t, err, "NoSuchBucket")
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("none")})
	awstest.WantCode(t, err, "NoSuchKey")
}

func checkBucketOfAnotherOwnerIsRefused(t *testing.T, to target) {
	client, bucket := newBucket(t, to, false)
	put := text(bucket, "k", "hello")
	put.ExpectedBucketOwner = aws.String("210987654321")
	_, err := client.PutObject(t.Context(), put)
	awstest.WantCode(t, err, "AccessDenied")
}

func checkVersionsStayAndAreLocked(t *testing.T, to target) {
	client, bucket := newBucket(t, to, true)
	first, err := client.PutObject(t.Context(), text(bucket, "k", "first"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.PutObject(t.Context(), text(bucket, "k", "second"))
	if err != nil || aws.ToString(first.VersionId) == aws.ToString(second.VersionId) {
		t.Fatalf("%+v, %+v, %v", first, second, err)
	}
	if _, body := bodyOf(t, client, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k"), VersionId: first.VersionId}); body != "first" {
		t.Errorf("the first version is %q", body)
	}
	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if in := time.Until(aws.ToTime(head.ObjectLockRetainUntilDate)); head.ObjectLockMode != types.ObjectLockModeCompliance || in < 23*time.Hour || in > 25*time.Hour {
		t.Errorf("locked in mode %q until %v", head.ObjectLockMode, head.ObjectLockRetainUntilDate)
	}
	_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("k"), VersionId: first.VersionId})
	awstest.WantCode(t, err, "AccessDenied")
}

func checkLockIsToldAndWhereThereIsNone(t *testing.T, to target) {
	client, bucket := newBucket(t, to, true)
	out, err := client.GetObjectLockConfiguration(t.Context(), &s3.GetObjectLockConfigurationInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	if r := out.ObjectLockConfiguration.Rule.DefaultRetention; r.Mode != types.ObjectLockRetentionModeCompliance || aws.ToInt32(r.Days) != 1 {
		t.Errorf("retention %+v", r)
	}
	_, open := newBucket(t, to, false)
	_, err = client.GetObjectLockConfiguration(t.Context(), &s3.GetObjectLockConfigurationInput{Bucket: &open})
	awstest.WantCode(t, err, "ObjectLockConfigurationNotFoundError")
}

func checkRetentionNeedsABucketWithObjectLock(t *testing.T, to target) {
	client, bucket := newBucket(t, to, false)
	put := text(bucket, "k", "hello")
	put.ObjectLockMode, put.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, aws.Time(time.Now().Add(time.Hour))
	_, err := client.PutObject(t.Context(), put)
	awstest.WantCode(t, err, "InvalidRequest")
}
