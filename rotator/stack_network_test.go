package main_test

import (
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

// endpointsIn are the parameters of a stack that makes VPC endpoints.
func endpointsIn(vpc string, subnets ...string) parameters {
	return parameters{Settings: map[string]string{"LOCK_INTERVAL_DAYS": "90"}, Network: map[string]any{"VpcId": vpc, "EndpointSubnetIds": subnets}}
}

func (s *stack) addSubnets() {
	for id, place := range map[string][2]string{"subnet-a": {"vpc-1", "eu-west-1a"}, "subnet-a2": {"vpc-1", "eu-west-1a"}, "subnet-b": {"vpc-1", "eu-west-1b"}, "subnet-x": {"vpc-2", "eu-west-1c"}} {
		s.aws.SetSubnet(localaws.Subnet{ID: id, VPC: place[0], Zone: place[1]})
	}
}

// EC2 would refuse such endpoints minutes into the deployment.
func TestStackIsRefusedEndpointsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.addSubnets()
	for _, c := range []struct {
		subnets  []string
		expected []string // none = it may be deployed
	}{
		{[]string{"subnet-a", "subnet-b"}, nil},
		{[]string{"subnet-a"}, nil},
		{[]string{"subnet-a", "subnet-b", "subnet-a2"}, []string{`the subnets ["subnet-a" "subnet-a2"] are in one zone, "eu-west-1a"`, "EndpointSubnetIds one subnet of each zone"}},
		{[]string{"subnet-b", "subnet-b"}, []string{`["subnet-b" "subnet-b"] are in one zone, "eu-west-1b"`}},
		{[]string{"subnet-a", "subnet-x"}, []string{`the subnet "subnet-x" is in the VPC "vpc-2", and the endpoints are made in "vpc-1"`}},
	} {
		s.answer.PhysicalResourceID = ""
		got := s.ask("Create", endpointsIn("vpc-1", c.subnets...), parameters{})
		if (got == "") != (c.expected == nil) {
			t.Errorf("%q: %q", c.subnets, got)
		}
		for _, part := range c.expected {
			if !strings.Contains(got, part) {
				t.Errorf("%q: %q, without %q", c.subnets, got, part)
			}
		}
	}
}

// What was deployed is not asked about again, another network is, and nothing is where the stack ends or makes no endpoints.
func TestNetworkIsLookedAtWhereItChanges(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.addSubnets()
	none := parameters{Settings: map[string]string{"LOCK_INTERVAL_DAYS": "90"}}
	two, same := endpointsIn("vpc-1", "subnet-a", "subnet-b"), endpointsIn("vpc-1", "subnet-a", "subnet-a2")
	for _, c := range []struct {
		kind        string
		now, before parameters
		calls       int
		refused     bool
	}{
		{"Create", none, parameters{}, 0, false},
		{"Update", two, none, 1, false},
		{"Update", same, two, 1, true},
		{"Update", two, same, 0, false}, // the rollback
		{"Delete", same, same, 0, false},
	} {
		s.aws.ResetCalls()
		if told := s.ask(c.kind, c.now, c.before); (told != "") != c.refused || len(s.aws.Calls()) != c.calls {
			t.Errorf("%s: %q after the calls %+v", c.kind, told, s.aws.Calls())
		}
	}
}

// A new subnet, and what a new role may do, take seconds to reach all of AWS.
func TestNewNetworkIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.addSubnets()
	s.aws.Intercept(func(c localaws.Call) localaws.Outcome {
		switch c.Number {
		case 1:
			return localaws.Fail("UnauthorizedOperation", 403)
		case 2:
			return localaws.Fail("InvalidSubnetID.NotFound", 400)
		}
		return localaws.Pass
	})
	if told := s.ask("Create", endpointsIn("vpc-1", "subnet-a", "subnet-a2"), parameters{}); !strings.Contains(told, "are in one zone") {
		t.Errorf("told %q", told)
	}
}

// hurry leaves the function a second for looking, and twenty for answering CloudFormation.
func (s *stack) hurry(name string) {
	s.t.Helper()
	binary, err := localaws.Build(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.function, err = s.aws.AddFunction(localaws.FunctionOptions{Name: name, Binary: binary, Timeout: 22 * time.Second, Env: map[string]string{"_HANDLER": "stack-parameters"}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// A subnet that is not there when the time is up is not there.
func TestStackIsRefusedSubnetsThatAreNot(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.addSubnets()
	s.hurry("parameters")
	told := s.ask("Create", endpointsIn("vpc-1", "subnet-a", "subnet-gone"), parameters{})
	for _, part := range []string{"The subnet ID 'subnet-gone' does not exist", "leave CreateVpcEndpoints false"} {
		if !strings.Contains(told, part) {
			t.Errorf("%q, without %q", told, part)
		}
	}
}

// A check that cannot look keeps nobody from deploying: what it could not see is in the log.
func TestNetworkThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.addSubnets()
	for name, c := range map[string]struct {
		outcome localaws.Outcome
		logged  string
	}{
		"refused": {localaws.Fail("UnauthorizedOperation", 403), "the function's role must allow it on every resource"},
		"silent":  {localaws.Delay(time.Minute), "no answer"},
		"failing": {localaws.Fail("OptInRequired", 403), "OptInRequired"}, // is not tried again: the time would be up
	} {
		s.hurry(name)
		s.aws.Intercept(func(localaws.Call) localaws.Outcome { return c.outcome })
		s.answer.PhysicalResourceID = ""
		if told := s.ask("Create", endpointsIn("vpc-1", "subnet-a", "subnet-a2"), parameters{}); told != "" {
			t.Errorf("%s: the stack is refused: %q", name, told)
		}
		if log := s.function.Output(); !strings.Contains(log, c.logged) || !strings.Contains(log, "subnet-a2") {
			t.Errorf("%s: logged %s, expected %q", name, log, c.logged)
		}
	}
}
