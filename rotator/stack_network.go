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
	if refusal, ok := errors.AsType[smithy.APIError](err); ok && strings.HasPrefix(strings.ToLower(refusal.ErrorCode()), "invalidsubnetid.") {
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

// refusedAgain is how long after a refusal EC2 is asked again: what a new role may do takes seconds to reach all of AWS.
const refusedAgain = time.Second

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
		if !awserror.Denied(err) || time.Until(end) < 2*refusedAgain { // the pause, and as long for the call
			return described, err
		}
		time.Sleep(refusedAgain)
	}
}
