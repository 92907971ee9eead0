package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

func invalid(code, message string) error {
	return &protocol.Error{Code: code, Status: http.StatusBadRequest, Message: message}
}

// putObject keeps the request's body, where it is what its checksums say.
func putObject(b *bucket, c call) (protocol.Reply, error) {
	o := Object{Key: c.key, Body: c.Body, ContentType: c.HTTP.Header.Get("Content-Type"),
		Encryption: c.header("Server-Side-Encryption"), KMSKeyID: c.header("Server-Side-Encryption-Aws-Kms-Key-Id")}
	if err := c.intact(); err != nil {
		return protocol.Reply{}, err
	}
	if err := b.retain(&o, c); err != nil {
		return protocol.Reply{}, err
	}
	o = b.put(o)
	header := o.headers()
	delete(header, "Content-Type")
	return protocol.Reply{Header: header}, nil
}

// intact holds the body against the checksums that the request gives.
func (c call) intact() error {
	if strings.Contains(c.HTTP.Header.Get("Content-Encoding"), "aws-chunked") {
		return &protocol.Error{Code: "NotImplemented", Status: http.StatusNotImplemented, Message: "The stand-in takes no body in chunks with trailers."}
	}
	if want := c.header("Checksum-Sha256"); want != "" && want != (Object{Body: c.Body}).sum() {
		return invalid("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
	}
	sum := md5.Sum(c.Body)
	if want := c.HTTP.Header.Get("Content-Md5"); want != "" && want != base64.StdEncoding.EncodeToString(sum[:]) {
		return invalid("BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	return nil
}

// retain gives an object its retention: what the request asks for, else the bucket's own.
func (b *bucket) retain(o *Object, c call) error {
	mode, until := c.header("Object-Lock-Mode"), c.header("Object-Lock-Retain-Until-Date")
	switch {
	case (mode == "") != (until == ""):
		return invalid("InvalidArgument", "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
	case mode != "" && !b.Lock:
		return invalid("InvalidRequest", "Bucket is missing Object Lock Configuration")
	case b.Lock && !c.summed():
		return invalid("InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
	case mode != "":
		at, err := time.Parse(time.RFC3339, until)
		if err != nil || !at.After(time.Now()) {
			return invalid("InvalidArgument", "The retain until date must be in the future!")
		}
		o.LockMode, o.RetainUntil = mode, at
	case b.Lock && b.Retention.Mode != "":
		o.LockMode = string(b.Retention.Mode)
		o.RetainUntil = time.Now().UTC().AddDate(int(aws.ToInt32(b.Retention.Years)), 0, int(aws.ToInt32(b.Retention.Days)))
	}
	return nil
}

// summed reports that the request gives a checksum of its body.
func (c call) summed() bool {
	return c.HTTP.Header.Get("Content-Md5") != "" || slices.ContainsFunc([]string{"Sha256", "Sha1", "Crc32", "Crc32c", "Crc64nvme"},
		func(algorithm string) bool { return c.header("Checksum-"+algorithm) != "" })
}

// headers are what S3 tells of an object besides its body.
func (o Object) headers() map[string]string {
	sum := md5.Sum(o.Body)
	header := map[string]string{"Etag": `"` + hex.EncodeToString(sum[:]) + `"`, "Content-Type": o.ContentType, "X-Amz-Checksum-Sha256": o.sum()}
	for name, value := range map[string]string{"Version-Id": o.VersionID, "Server-Side-Encryption": o.Encryption,
		"Server-Side-Encryption-Aws-Kms-Key-Id": o.KMSKeyID, "Object-Lock-Mode": o.LockMode} {
		if value != "" {
			header["X-Amz-"+name] = value
		}
	}
	if o.LockMode != "" {
		header["X-Amz-Object-Lock-Retain-Until-Date"] = o.RetainUntil.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return header
}

func (b *bucket) get(c call) (Object, error) {
	i, found := b.find(c.key, c.HTTP.URL.Query().Get("versionId"))
	if !found {
		return Object{}, &protocol.Error{Code: "NoSuchKey", Status: http.StatusNotFound, Message: "The specified key does not exist."}
	}
	return b.objects[i], nil
}

func getObject(b *bucket, c call) (protocol.Reply, error) {
	o, err := b.get(c)
	return protocol.Reply{Header: o.headers(), Body: o.Body}, err
}

// headObject answers with what getObject tells besides the body; of a missing object too.
func headObject(b *bucket, c call) (protocol.Reply, error) {
	o, err := b.get(c)
	if err != nil {
		return protocol.Reply{Status: http.StatusNotFound}, nil
	}
	header := o.headers()
	header["Content-Length"] = strconv.Itoa(len(o.Body))
	return protocol.Reply{Header: header}, nil
}

// deleteObject deletes a version, unless Object Lock keeps it.
func deleteObject(b *bucket, c call) (protocol.Reply, error) {
	i, found := b.find(c.key, c.HTTP.URL.Query().Get("versionId"))
	if found && b.objects[i].locked() {
		return protocol.Reply{}, &protocol.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Access Denied because object protected by object lock."}
	}
	if found {
		b.objects = slices.Delete(b.objects, i, i+1)
	}
	return protocol.Reply{Status: http.StatusNoContent}, nil
}

// getLockConfiguration tells of a bucket's Object Lock.
func getLockConfiguration(b *bucket, _ call) (protocol.Reply, error) {
	if !b.Lock {
		return protocol.Reply{}, &protocol.Error{Code: "ObjectLockConfigurationNotFoundError", Status: http.StatusNotFound,
			Message: "Object Lock configuration does not exist for this bucket"}
	}
	out := lockAnswer{ObjectLockEnabled: types.ObjectLockEnabledEnabled}
	if b.Retention.Mode != "" {
		out.Mode, out.Days, out.Years = string(b.Retention.Mode), b.Retention.Days, b.Retention.Years
	}
	return answer(http.StatusOK, out), nil
}

// lockAnswer is GetObjectLockConfiguration's output.
type lockAnswer struct {
	XMLName           xml.Name `xml:"ObjectLockConfiguration"`
	ObjectLockEnabled types.ObjectLockEnabled
	Mode              string `xml:"Rule>DefaultRetention>Mode,omitempty"`
	Days              *int32 `xml:"Rule>DefaultRetention>Days"`
	Years             *int32 `xml:"Rule>DefaultRetention>Years"`
}
