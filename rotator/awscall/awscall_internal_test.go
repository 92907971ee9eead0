package awscall

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

// Security Hub is found where AWS has it (its table of endpoints), and where the environment says.
func TestEndpointOfSecurityHub(t *testing.T) {
	for _, c := range []struct{ region, name, value, want string }{
		{"eu-west-1", "", "", "https://securityhub.eu-west-1.amazonaws.com"},
		{"cn-north-1", "", "", "https://securityhub.cn-north-1.amazonaws.com.cn"},
		{"us-gov-west-1", "", "", "https://securityhub.us-gov-west-1.amazonaws.com"},
		{"us-gov-west-1", "AWS_USE_FIPS_ENDPOINT", "true", "https://securityhub-fips.us-gov-west-1.amazonaws.com"},
		{"eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", "https://securityhub.eu-west-1.api.aws"},
		{"eusc-de-east-1", "", "", "https://securityhub.eusc-de-east-1.amazonaws.eu"},
		{"eu-west-1", "AWS_ENDPOINT_URL", "http://127.0.0.1:1/", "http://127.0.0.1:1/"},
		{"eu-west-1", "AWS_ENDPOINT_URL_SECURITYHUB", "https://vpce-1.example.com", "https://vpce-1.example.com"},
		{"eu-west-1", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://vpce-2.example.com", "https://securityhub.eu-west-1.amazonaws.com"},
	} {
		t.Run(strings.TrimSpace(c.region+" "+c.name), func(t *testing.T) {
			if c.name != "" {
				t.Setenv(c.name, c.value)
			}
			own, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion(c.region), awsconfig.WithCredentialsProvider(
				aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil })))
			if err != nil {
				t.Fatal(err)
			}
			hub := Service{Own: own, Name: "securityhub", ID: "SecurityHub"}
			if got, err := hub.endpoint(t.Context()); got != c.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}
