package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

type endpoint struct{ resource, variable, service string }

// address is the endpoint's own, of the interpreter's names; S3 serves buckets under another name than itself.
func (e endpoint) address() string {
	if e.service == "s3" {
		return "https://bucket.<S3Endpoint.DnsEntries>"
	}
	return "https://<" + e.resource + ".DnsEntries>"
}

// endpoints are the VPC endpoints that the stack can make, with the variable that names each to the SDK and its service.
var endpoints = []endpoint{
	{"SecretsManagerEndpoint", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager"},
	{"LogsEndpoint", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "logs"},
	{"RdsEndpoint", "AWS_ENDPOINT_URL_RDS", "rds"},
	{"SnsEndpoint", "AWS_ENDPOINT_URL_SNS", "sns"},
	{"StsEndpoint", "AWS_ENDPOINT_URL_STS", "sts"},
	{"SecurityHubEndpoint", "AWS_ENDPOINT_URL_SECURITYHUB", "securityhub"},
	{"S3Endpoint", "AWS_ENDPOINT_URL_S3", "s3"},
}

func variables(s stack, function string) map[string]any {
	return s.resolve(environmentOf(s.template, function)).(map[string]any)
}

// Private DNS would send every client of the VPC to endpoints that admit the functions alone.
func TestEndpointsAreTheFunctionsAlone(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	everyStack(template, []string{"AssumeRoleArn", "CreateVpcEndpoints", "FunctionSecurityGroupIds", "Fleet", "ReportBucket", "SecurityHubFindings"}, func(s stack) {
		for _, e := range endpoints {
			endpoint := template.Resources[e.resource]
			if endpoint.Properties["PrivateDnsEnabled"] != false {
				t.Errorf("%s takes over the name of its service in the whole VPC", e.resource)
			}
			for _, function := range functions {
				address, given := variables(s, function)[e.variable]
				if made := s.exists(endpoint.Condition); made != given || made && address != e.address() {
					t.Errorf("%s is made: %v, and %s has %v with %v", e.resource, made, function, address, s.values)
				}
			}
		}
	})
}

// Nobody carries data out through the stack's endpoints, and the roles that the functions take in other accounts come in by them.
func TestEndpointsAdmitTheAccountsOfTheFunctions(t *testing.T) {
	t.Parallel()
	const anywhere = "arn:aws:iam::{account}:role/pgrotator"
	cases := []struct {
		values   map[string]string
		expected []string
	}{
		{nil, []string{account}},
		{map[string]string{"SecretArn": foreignSecret, "AssumeRoleArn": assumedRole}, []string{account, otherAccount}},
		{map[string]string{"SecretArn": foreignSecret, "AssumeRoleArn": anywhere}, []string{account, otherAccount}},
		{map[string]string{"Fleet": "true"}, []string{account}},
		{map[string]string{"Fleet": "true", "AssumeRoleArn": anywhere, "FleetAccounts": otherAccount + ",777788889999"}, []string{account, otherAccount, "777788889999"}},
	}
	template := readTemplate(t)
	for _, c := range cases {
		for _, e := range endpoints {
			policy := newStack(template, c.values).resolve(template.Resources[e.resource].Properties["PolicyDocument"]).(map[string]any)
			expected := c.expected
			if slices.Contains([]string{"sts", "sns", "s3", "securityhub"}, e.service) { // which the functions call as themselves
				expected = []string{account}
			}
			if got := newStatement(policy["Statement"].([]any)[0].(map[string]any)).under("aws:PrincipalAccount"); !slices.Equal(got, expected) {
				t.Errorf("with %v, %s admits %v, not %v", c.values, e.resource, got, expected)
			}
		}
	}
}

// The prefix of China's endpoint services differs from one service to another (CDK's InterfaceVpcEndpointAwsService has the list).
func TestEndpointServicesOfEachPartition(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for _, e := range endpoints {
		for region, partition := range map[string]string{"eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"} {
			expected := "com.amazonaws." + region + "." + e.service
			if partition == "aws-cn" && slices.Contains([]string{"rds", "sts", "securityhub"}, e.service) {
				expected = "cn." + expected
			}
			s := newStack(template, map[string]string{"AWS::Partition": partition, "AWS::Region": region})
			if got := s.resolve(template.Resources[e.resource].Properties["ServiceName"]); got != expected {
				t.Errorf("in %s the service is %v, expected %s", region, got, expected)
			}
		}
	}
}

func TestEndpointsTakeSubnetsOfTheirOwn(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for given, expected := range map[string]string{"": required["SubnetIds"], "subnet-0123456789abcdef2": "subnet-0123456789abcdef2"} {
		s := newStack(template, map[string]string{"EndpointSubnetIds": given})
		for _, e := range endpoints {
			if got := oneOrMore(s.resolve(template.Resources[e.resource].Properties["SubnetIds"])); !slices.Equal(got, []string{expected}) {
				t.Errorf("%s is in %v, expected %s", e.resource, got, expected)
			}
		}
	}
}

// egress lists where the functions may connect to, as port and destination.
func egress(s stack) []string {
	var ways []string
	for _, rule := range s.resolve(s.template.Resources["FunctionSecurityGroup"].Properties["SecurityGroupEgress"]).([]any) {
		r := rule.(map[string]any)
		for _, to := range []string{"CidrIp", "CidrIpv6", "DestinationSecurityGroupId"} {
			if destination, ok := r[to]; ok {
				ways = append(ways, fmt.Sprintf("%v %v", r["ToPort"], destination))
			}
		}
	}
	return ways
}

func TestFunctionsMayConnectWhereTheyHaveTo(t *testing.T) {
	t.Parallel()
	const database, group = "5432 sg-0123456789abcdef1", "sg-0123456789abcdef1"
	cases := []struct {
		values   map[string]string
		expected []string
	}{
		{nil, []string{database, "443 0.0.0.0/0"}},
		{map[string]string{"CreateVpcEndpoints": "true"}, []string{database, "443 <EndpointSecurityGroup>"}},
		{map[string]string{"HttpsProxy": "http://proxy.example.com:3128"}, []string{database, "443 0.0.0.0/0", "3128 0.0.0.0/0"}},
		{map[string]string{"IpAddressType": "dualstack"}, []string{database, "443 0.0.0.0/0", "443 ::/0"}},
		{map[string]string{"IpAddressType": "dualstack", "CreateVpcEndpoints": "true"}, []string{database, "443 <EndpointSecurityGroup>"}},
	}
	for _, c := range cases {
		s := newStack(readTemplate(t), c.values)
		s.values["DatabaseSecurityGroupId"] = group
		if got := egress(s); !slices.Equal(got, c.expected) {
			t.Errorf("with %v the functions may connect to %q, expected %q", c.values, got, c.expected)
		}
	}
}

func TestNetworkVariables(t *testing.T) {
	t.Parallel()
	cases := []struct {
		values, given map[string]string
		absent        []string
	}{
		{nil, nil, []string{"HTTPS_PROXY", "NO_PROXY", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT", "GODEBUG"}},
		{map[string]string{"HttpsProxy": "http://proxy.example.com:3128", "NoProxy": ".internal"},
			map[string]string{"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": ".internal"}, nil},
		{map[string]string{"IpAddressType": "dualstack"}, map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, nil},
		{map[string]string{"UseFipsEndpoints": "true"}, map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "GODEBUG": "fips140=on"}, nil},
	}
	for _, c := range cases {
		s := newStack(readTemplate(t), c.values)
		for _, function := range functions {
			got := variables(s, function)
			for name, value := range c.given {
				if got[name] != value {
					t.Errorf("with %v, %s of %s is %v", c.values, name, function, got[name])
				}
			}
			for _, name := range c.absent {
				if value, ok := got[name]; ok {
					t.Errorf("with %v, %s of %s is %v", c.values, name, function, value)
				}
			}
		}
	}
}

// The SDK refuses to work with an endpoint that it is given and one that it should choose (its rule sets say so).
func TestEndpointsAreGivenOrChosen(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	everyStack(template, []string{"CreateVpcEndpoints", "IpAddressType", "UseFipsEndpoints", "HttpsProxy"}, func(s stack) {
		if len(s.refusals()) > 0 {
			return
		}
		got := variables(s, "RotationFunction")
		_, given := got["AWS_ENDPOINT_URL_RDS"]
		if given && (got["AWS_USE_FIPS_ENDPOINT"] != nil || got["AWS_USE_DUALSTACK_ENDPOINT"] != nil || got["HTTPS_PROXY"] != nil) {
			t.Errorf("with %v the functions have %v", s.values, got)
		}
	})
}

func TestRulesRefuse(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	whole := map[string]string{"SecretArn": ownSecret, "DatabaseSecurityGroupId": "sg-0123456789abcdef1"}
	if told := newStack(template, whole).refusals(); len(told) > 0 {
		t.Fatalf("a stack as it should be is refused: %q", told)
	}
	cases := []struct{ parameter, value, expected string }{
		{"SecretArn", "", "DatabaseHost"},
		{"DatabaseSecurityGroupId", "", "DatabaseSecurityGroupId"},
		{"SubnetIds.VpcId", "vpc-0123456789abcdef0,vpc-0123456789abcdef9", "Every one of SubnetIds"},
		{"MasterIamUser", "pgrotator_master", "DatabaseResourceId"},
	}
	for _, c := range cases {
		s := newStack(template, whole)
		s.values[c.parameter] = c.value
		if told := s.refusals(); len(told) != 1 || !strings.Contains(told[0], c.expected) {
			t.Errorf("with %s %q: %q", c.parameter, c.value, told)
		}
	}
	fleet := newStack(template, map[string]string{"Fleet": "true", "RedeployServiceArns": shop, "DatabaseSecurityGroupId": "sg-0123456789abcdef1"})
	if told := fleet.refusals(); len(told) != 1 || !strings.Contains(told[0], "RedeployServiceArns") {
		t.Errorf("with Fleet and RedeployServiceArns: %q", told)
	}
	across := newStack(template, map[string]string{"Fleet": "true", "AssumeRoleArn": assumedRole, "DatabaseSecurityGroupId": "sg-0123456789abcdef1"})
	if told := across.refusals(); len(told) != 1 || !strings.Contains(told[0], "FleetAccounts") {
		t.Errorf("with Fleet, AssumeRoleArn and no FleetAccounts: %q", told)
	}
	for _, parameter := range []string{"HttpsProxy", "UseFipsEndpoints", "IamReview"} {
		s := newStack(template, whole)
		s.values["CreateVpcEndpoints"], s.values[parameter] = "true", alternatives[parameter][0]
		if told := s.refusals(); len(told) != 1 {
			t.Errorf("with CreateVpcEndpoints and %s: %q", parameter, told)
		}
	}
}
