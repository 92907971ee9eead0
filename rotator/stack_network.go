package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"pgrotator/rotator/awserror"
	"pgrotator/rotator/subnet"
)

// stackNetwork is where a stack makes VPC endpoints.
type stackNetwork struct {
	VPC             string   `json:"VpcId"`
	EndpointSubnets []string `json:"EndpointSubnetIds"`
}

// admit returns an error where EC2 would refuse the endpoints, minutes into the deployment. What EC2 does not tell keeps no stack from
// being deployed, and is logged.
func (n stackNetwork) admit(ctx context.Context, log *slog.Logger) error {
	described, err := n.describe(ctx)
	if strings.HasPrefix(refusalCode(err), "invalidsubnetid.") {
		return n.explain(err)
	}
	if err != nil {
		log.Warn("not known whether the endpoints may be in these subnets", slog.String("error", err.Error()))
		return nil
	}
	return n.explain(subnet.AdmitEndpoint(n.VPC, n.EndpointSubnets, described))
}

// explain adds the next step.
func (n stackNetwork) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("CreateVpcEndpoints: %w; give EndpointSubnetIds one subnet of each zone, all of the VPC in VpcId, or leave CreateVpcEndpoints false", err)
}

// refusalCode is the code of EC2's refusal, in small letters, since its documentation has it in either; "" = it is none.
func refusalCode(err error) string {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		return strings.ToLower(refusal.ErrorCode())
	}
	return ""
}

// refusedAgain is how long after a refusal EC2 is asked again.
const refusedAgain = time.Second

// passing reports a refusal that may end by itself: a new subnet, and what a new role may do, take seconds to reach all of AWS.
func passing(err error) bool {
	return awserror.Denied(err) || refusalCode(err) == "invalidsubnetid.notfound"
}

// describe reads the subnets, in as much of the invocation's time as answering CloudFormation does not need.
func (n stackNetwork) describe(ctx context.Context) ([]subnet.Subnet, error) {
	end, ok := ctx.Deadline()
	if !ok {
		return nil, errors.New("the invocation has no deadline")
	}
	end = end.Add(-answerTimeout - time.Second)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	own, err := loadAWS(ctx)
	if err != nil {
		return nil, err
	}
	for {
		described, err := subnet.Describe(ctx, own, n.EndpointSubnets)
		if !passing(err) || time.Until(end) < 2*refusedAgain { // the pause, and as long for the call
			return described, err
		}
		time.Sleep(refusedAgain)
	}
}
