package awscall

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

// A service is found where AWS has it (its table of endpoints), and where the environment says.
func TestEndpoint(t *testing.T) {
	hub, ec2 := Service{Name: "securityhub", ID: "SecurityHub"}, Service{Name: "ec2", ID: "EC2"}
	for _, c := range []struct {
		service                   Service
		region, name, value, want string
	}{
		{hub, "eu-west-1", "", "", "https://securityhub.eu-west-1.amazonaws.com"},
		{hub, "cn-north-1", "", "", "https://securityhub.cn-north-1.amazonaws.com.cn"},
		{hub, "us-gov-west-1", "", "", "https://securityhub.us-gov-west-1.amazonaws.com"},
		{hub, "us-gov-west-1", "AWS_USE_FIPS_ENDPOINT", "true", "https://securityhub-fips.us-gov-west-1.amazonaws.com"},
		{hub, "eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", "https://securityhub.eu-west-1.api.aws"},
		{hub, "eusc-de-east-1", "", "", "https://securityhub.eusc-de-east-1.amazonaws.eu"},
		{hub, "eu-west-1", "AWS_ENDPOINT_URL", "http://127.0.0.1:1/", "http://127.0.0.1:1/"},
		{hub, "eu-west-1", "AWS_ENDPOINT_URL_SECURITYHUB", "https://vpce-1.example.com", "https://vpce-1.example.com"},
		{hub, "eu-west-1", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://vpce-2.example.com", "https://securityhub.eu-west-1.amazonaws.com"},
		{ec2, "eu-west-1", "", "", "https://ec2.eu-west-1.amazonaws.com"},
		{ec2, "us-gov-west-1", "", "", "https://ec2.us-gov-west-1.amazonaws.com"},
		{ec2, "cn-north-1", "AWS_USE_DUALSTACK_ENDPOINT", "true", "https://ec2.cn-north-1.api.amazonwebservices.com.cn"},
		{ec2, "eu-west-1", "AWS_ENDPOINT_URL_EC2", "https://vpce-3.example.com", "https://vpce-3.example.com"},
	} {
		t.Run(strings.TrimSpace(c.service.Name+" "+c.region+" "+c.name), func(t *testing.T) {
			if c.name != "" {
				t.Setenv(c.name, c.value)
			}
			own, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion(c.region), awsconfig.WithCredentialsProvider(
				aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil })))
			if err != nil {
				t.Fatal(err)
			}
			c.service.Own = own
			if got, err := c.service.endpoint(t.Context()); got != c.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}
