package iamfront

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// life is how long a token opens connections (RDS User Guide, "IAM database authentication").
const life = 15 * time.Minute

// Key is what tokens are signed with.
type Key struct {
	Region    string
	SecretKey string // of whatever access key a token names
}

// verify returns an error unless a token, a URL of rds-db's connect without its scheme, is for this address and this user, and is
// signed with the one key that there is, not more than 15 minutes ago.
func (k Key) verify(ctx context.Context, token, user, address string) error {
	parsed, err := url.Parse("https://" + token)
	if err != nil {
		return errors.New("not a token")
	}
	query := parsed.Query()
	signed, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	switch {
	case parsed.Host != address:
		return fmt.Errorf("for %q, not for %q", parsed.Host, address)
	case query.Get("Action") != "connect" || query.Get("DBUser") != user:
		return fmt.Errorf("for %q, not for %q", query.Get("DBUser"), user)
	case err != nil || time.Since(signed).Abs() > life:
		return fmt.Errorf("signed at %q", query.Get("X-Amz-Date"))
	}
	expected, err := k.sign(ctx, address, user, query, signed)
	if err != nil {
		return err
	}
	if expected != query.Get("X-Amz-Signature") {
		return errors.New("the signature is wrong")
	}
	return nil
}

// sign makes the signature that a token with this query ought to have.
func (k Key) sign(ctx context.Context, address, user string, query url.Values, at time.Time) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/", nil)
	if err != nil {
		return "", err
	}
	request.URL.RawQuery = url.Values{"Action": {"connect"}, "DBUser": {user}, "X-Amz-Expires": {query.Get("X-Amz-Expires")}}.Encode()
	key, _, _ := strings.Cut(query.Get("X-Amz-Credential"), "/")
	credentials := aws.Credentials{AccessKeyID: key, SecretAccessKey: k.SecretKey, SessionToken: query.Get("X-Amz-Security-Token")}
	empty := sha256.Sum256(nil)
	made, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, request, hex.EncodeToString(empty[:]), "rds-db", k.Region, at)
	if err != nil {
		return "", err
	}
	parsed, err := url.Parse(made)
	return parsed.Query().Get("X-Amz-Signature"), err
}
