package localaws_test

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"pgrotator/rotator/awscall"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
	"pgrotator/rotator/subnet"
)

// subnetChecks are those of EC2.
func subnetChecks() map[string]check {
	return map[string]check{
		"subnets are described by their ids": checkSubnetsAreDescribed,
		"a subnet that is none is not found": checkSubnetIsNotFound,
	}
}

func checkSubnetsAreDescribed(t *testing.T, to target) {
	vpc, ids := to.addSubnets(t, "us-east-1a", "us-east-1b", "us-east-1a")
	described, err := subnet.Describe(t.Context(), to.config, []string{ids[2], ids[1], ids[2]})
	slices.SortFunc(described, func(a, b subnet.Subnet) int { return strings.Compare(a.Zone, b.Zone) })
	if err != nil || !slices.Equal(described, []subnet.Subnet{{ID: ids[2], VPC: vpc, Zone: "us-east-1a"}, {ID: ids[1], VPC: vpc, Zone: "us-east-1b"}}) {
		t.Errorf("%+v of %q in %s, %v", described, ids, vpc, err)
	}
}

func checkSubnetIsNotFound(t *testing.T, to target) {
	_, ids := to.addSubnets(t, "us-east-1a")
	_, err := subnet.Describe(t.Context(), to.config, []string{ids[0], "subnet-00000000000000000"})
	awstest.WantCode(t, err, "InvalidSubnetID.NotFound")
}

// stackSubnets makes subnets of a stand-in.
func stackSubnets(stack *localaws.Stack) func(*testing.T, ...string) (string, []string) {
	return func(_ *testing.T, zones ...string) (vpc string, ids []string) {
		vpc = unique("vpc")
		for _, zone := range zones {
			ids = append(ids, unique("subnet"))
			stack.SetSubnet(localaws.Subnet{ID: ids[len(ids)-1], VPC: vpc, Zone: zone})
		}
		return vpc, ids
	}
}

// motoSubnets makes a VPC and subnets of moto.
func motoSubnets(config aws.Config) func(*testing.T, ...string) (string, []string) {
	return func(t *testing.T, zones ...string) (vpc string, ids []string) {
		vpc = motoMakes(t, config, url.Values{"Action": {"CreateVpc"}, "CidrBlock": {"10.0.0.0/16"}}).VPC
		for n, zone := range zones {
			ids = append(ids, motoMakes(t, config, url.Values{"Action": {"CreateSubnet"}, "VpcId": {vpc}, "AvailabilityZone": {zone},
				"CidrBlock": {"10.0." + string(rune('0'+n)) + ".0/24"}}).Subnet)
		}
		return vpc, ids
	}
}

// made is what moto says that it has made.
type made struct {
	VPC    string `xml:"vpc>vpcId"`
	Subnet string `xml:"subnet>subnetId"`
}

func motoMakes(t *testing.T, config aws.Config, form url.Values) (m made) {
	t.Helper()
	form.Set("Version", "2016-11-15")
	ec2 := awscall.Service{Own: config, Name: "ec2", ID: "EC2", Refusal: func(http.Header, []byte) (string, string) { return "", "" }}
	text, err := ec2.Post(context.WithoutCancel(t.Context()), "/", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
