package publish_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
	"pgrotator/rotator/publish"
)

func object(key, body string) publish.Object {
	return publish.Object{Key: key, ContentType: "text/csv; charset=utf-8", Body: strings.NewReader(body), SHA256: sha256.Sum256([]byte(body))}
}

// asFunction is the context of an invocation in the stand-in's account.
func asFunction(t *testing.T) context.Context {
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
		InvokedFunctionArn: "arn:aws:lambda:us-east-1:" + localaws.AccountID + ":function:sweep"})
}

func TestPut(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	stack.SetBucket("kept", localaws.Bucket{Lock: true, Retention: types.DefaultRetention{Mode: "COMPLIANCE", Days: aws.Int32(400)}})
	bucket := publish.NewBucket(s3.NewFromConfig(stack.Config()), publish.Place{Bucket: "kept", Prefix: "audit/db", KMSKey: "alias/reports"})
	version, err := bucket.Put(asFunction(t), object("orders/accounts.csv", "user\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	kept := stack.Objects("kept", "")
	if len(kept) != 1 {
		t.Fatalf("%d objects", len(kept))
	}
	o := kept[0]
	if o.Key != "audit/db/orders/accounts.csv" || bucket.URI("orders/accounts.csv") != "s3://kept/"+o.Key || o.VersionID != version || version == "" ||
		string(o.Body) != "user\r\n" || o.ContentType != "text/csv; charset=utf-8" || o.Encryption != "aws:kms" || o.KMSKeyID != "alias/reports" {
		t.Errorf("kept %+v as version %q", o, version)
	}
	if o.LockMode != "COMPLIANCE" || o.RetainUntil.Before(time.Now().AddDate(0, 0, 399)) {
		t.Errorf("locked %q until %v", o.LockMode, o.RetainUntil)
	}
	if r, err := bucket.Retention(asFunction(t)); err != nil || r != (publish.Retention{Mode: "COMPLIANCE", Days: 400}) {
		t.Errorf("retention %+v, %v", r, err)
	}
}

func TestPutSaysWhatIsWrongWithABucket(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	stack.SetBucket("elsewhere", localaws.Bucket{Region: "eu-west-1"})
	stack.SetBucket("foreign", localaws.Bucket{Owner: "210987654321"})
	stack.SetBucket("plain", localaws.Bucket{})
	for name, want := range map[string]string{
		"elsewhere": `the bucket is in Region "eu-west-1" and the function in "us-east-1"`,
		"foreign":   "the bucket must belong to account " + localaws.AccountID,
		"missing":   "set REPORT_BUCKET to one that exists",
	} {
		bucket := publish.NewBucket(s3.NewFromConfig(stack.Config()), publish.Place{Bucket: name})
		_, err := bucket.Put(asFunction(t), object("k", "body"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "s3://"+name+"/k") {
			t.Errorf("%s: %v, want %q in it", name, err, want)
		}
	}
	plain := publish.NewBucket(s3.NewFromConfig(stack.Config()), publish.Place{Bucket: "plain"})
	damaged := object("k", "body")
	damaged.Body = strings.NewReader("bodies")
	if _, err := plain.Put(asFunction(t), damaged); err == nil || len(stack.Objects("plain", "")) > 0 {
		t.Errorf("an object that is not as its sum says was kept: %v", err)
	}
	if r, err := plain.Retention(asFunction(t)); err != nil || r != (publish.Retention{}) {
		t.Errorf("retention %+v, %v", r, err)
	}
	if publish.NewBucket(nil, publish.Place{}) != nil {
		t.Error("there is a bucket without a name")
	}
}
