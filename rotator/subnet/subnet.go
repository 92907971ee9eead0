// Package subnet reads subnets from EC2, and says which of them the interface endpoints of a VPC do not take.
package subnet

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"pgrotator/rotator/awscall"
	"pgrotator/rotator/awserror"
)

// Subnet is a subnet of a VPC.
type Subnet struct {
	ID   string `xml:"subnetId"`
	VPC  string `xml:"vpcId"`
	Zone string `xml:"availabilityZone"` // by the name that the account has for it
}

// Describe reads subnets, of which there must be one at least, in any order. The error codes InvalidSubnetID.… say that one of them does
// not exist.
func Describe(ctx context.Context, own aws.Config, ids []string) ([]Subnet, error) {
	form := url.Values{"Action": {"DescribeSubnets"}, "Version": {"2016-11-15"}}
	for n, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		form.Set(fmt.Sprintf("SubnetId.%d", n+1), id)
	}
	service := awscall.Service{Own: own, Name: "ec2", ID: "EC2", Refusal: refusal}
	text, err := service.Post(ctx, "/", "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("describing the subnets %q: %w", ids, awserror.EC2.Explain(err))
	}
	var answer struct {
		Subnets []Subnet `xml:"subnetSet>item"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("reading EC2's description of the subnets %q: %w", ids, err)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(answer.Subnets, func(s Subnet) bool { return s.ID == id && s.Zone != "" && s.VPC != "" }) {
			return nil, fmt.Errorf("EC2's description of the subnets %q does not tell where %q is", ids, id)
		}
	}
	return answer.Subnets, nil
}

// refusal reads an error of EC2's (EC2 API Reference, "Error response structure").
func refusal(_ http.Header, body []byte) (code, message string) {
	var told struct {
		Code    string `xml:"Errors>Error>Code"`
		Message string `xml:"Errors>Error>Message"`
	}
	_ = xml.Unmarshal(body, &told) // without a message where it is none
	return told.Code, told.Message
}
