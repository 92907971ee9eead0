package subnet_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"pgrotator/rotator/subnet"
)

// An answer that tells less than it was asked is none: a subnet that nobody described is not one in a zone of its own.
func TestAnswersThatTellTooLittle(t *testing.T) {
	t.Parallel()
	whole := `<item><subnetId>subnet-a</subnetId><vpcId>vpc-1</vpcId><availabilityZone>z</availabilityZone></item>`
	for name, c := range map[string]struct {
		status         int
		body, expected string
	}{
		"one of two":     {200, `<DescribeSubnetsResponse><subnetSet>` + whole + `</subnetSet></DescribeSubnetsResponse>`, `does not tell where "subnet-b" is`},
		"without a zone": {200, `<R><subnetSet>` + whole + `<item><subnetId>subnet-b</subnetId><vpcId>vpc-1</vpcId></item></subnetSet></R>`, `does not tell where "subnet-b" is`},
		"nothing":        {200, ``, "reading EC2's description"},
		"cut short":      {200, `<R><subnetSet>` + whole + `<item><subnetId>subnet-b`, "reading EC2's description"},
		"of a proxy":     {403, `<html><body>Blocked by policy</body></html>`, "Blocked by policy"},
		"a refusal": {403, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message></Error></Errors></Response>`,
			"UnauthorizedOperation: You are not authorized (the function's role must allow it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked = r.Header.Get("Authorization") + " " + string(body)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(server.Close)
			own := aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "")}
			described, err := subnet.Describe(t.Context(), own, []string{"subnet-b", "subnet-a"})
			if err == nil || !strings.Contains(err.Error(), c.expected) || described != nil {
				t.Errorf("%+v, %v; want %q", described, err, c.expected)
			}
			if !strings.Contains(asked, "/eu-west-1/ec2/aws4_request") || !strings.HasSuffix(asked, "Action=DescribeSubnets&SubnetId.1=subnet-a&SubnetId.2=subnet-b&Version=2016-11-15") {
				t.Errorf("asked %s", asked)
			}
		})
	}
}
