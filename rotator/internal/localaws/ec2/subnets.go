// Package ec2 stands in for the part of Amazon EC2 that describes subnets.
package ec2

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"sync"

	"pgrotator/rotator/internal/localaws/protocol"
)

const namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

// Subnet is a subnet of a VPC.
type Subnet struct {
	ID   string `xml:"subnetId"` // subnet-…
	VPC  string `xml:"vpcId"`    // vpc-…
	Zone string `xml:"availabilityZone"`
}

// Subnets are those that EC2 describes.
type Subnets struct {
	mu   sync.Mutex
	list []Subnet
}

// SetSubnet has EC2 describe s from now on, in place of any of its ID.
func (s *Subnets) SetSubnet(one Subnet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(slices.DeleteFunc(s.list, func(other Subnet) bool { return other.ID == one.ID }), one)
}

// Service is the API of s, which speaks EC2's form of the query protocol.
func (s *Subnets) Service() *protocol.Service {
	return &protocol.Service{
		Name:       "ec2",
		Operations: map[string]protocol.Operation{"DescribeSubnets": s.describe},
		Succeed:    func(_ string, result any) protocol.Reply { return reply(200, result) },
		Fail: func(e *protocol.Error) protocol.Reply {
			return reply(e.Status, response{Code: e.Code, Message: e.Message, RequestID: protocol.NewUUID()})
		},
		Throttled: &protocol.Error{Code: "RequestLimitExceeded", Status: 503, Message: "Request limit exceeded."},
	}
}

// response is an error (EC2 API Reference, "Error response structure").
type response struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

// description is the answer of DescribeSubnets.
type description struct {
	XMLName   xml.Name `xml:"DescribeSubnetsResponse"`
	Namespace string   `xml:"xmlns,attr"`
	RequestID string   `xml:"requestId"`
	Subnets   []Subnet `xml:"subnetSet>item"`
}

func reply(status int, result any) protocol.Reply {
	body, err := xml.Marshal(result)
	if err != nil {
		panic(err) // of these structs there is none
	}
	return protocol.Reply{Status: status, Body: body, Header: map[string]string{"Content-Type": "text/xml;charset=UTF-8"}}
}

// describe tells the subnets that a request names, of which each must exist.
func (s *Subnets) describe(r protocol.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var named []string
	for n := 1; r.Form.Has(fmt.Sprintf("SubnetId.%d", n)); n++ {
		named = append(named, r.Form.Get(fmt.Sprintf("SubnetId.%d", n)))
	}
	var missing []string
	for _, id := range named {
		if !slices.ContainsFunc(s.list, func(one Subnet) bool { return one.ID == id }) {
			missing = append(missing, "'"+id+"'")
		}
	}
	switch {
	case len(missing) == 1:
		return nil, notFound("The subnet ID " + missing[0] + " does not exist")
	case len(missing) > 1:
		return nil, notFound("The subnet IDs " + strings.Join(missing, ", ") + " do not exist")
	}
	found := slices.Clone(s.list)
	if len(named) > 0 {
		found = slices.DeleteFunc(found, func(one Subnet) bool { return !slices.Contains(named, one.ID) })
	}
	return description{Namespace: namespace, RequestID: protocol.NewUUID(), Subnets: found}, nil
}

func notFound(message string) error {
	return &protocol.Error{Code: "InvalidSubnetID.NotFound", Status: 400, Message: message}
}
