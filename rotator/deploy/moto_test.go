package deploy_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// unknownToMoto are the types that moto 5.2.1 cannot make from a template.
var unknownToMoto = map[string]bool{
	"AWS::CloudFormation::WaitConditionHandle": true,
	"AWS::CloudWatch::Alarm":                   true,
	"AWS::IAM::RolePolicy":                     true,
	"AWS::Lambda::EventInvokeConfig":           true,
	"AWS::S3::BucketPolicy":                    true,
	"AWS::SNS::Subscription":                   true,
	"AWS::SNS::TopicPolicy":                    true,
	"AWS::SQS::QueuePolicy":                    true,
	"AWS::Scheduler::Schedule":                 true,
	"AWS::Scheduler::ScheduleGroup":            true,
	"AWS::SecretsManager::RotationSchedule":    true,
	"AWS::SecretsManager::Secret":              true,
	"Custom::ParameterCheck":                   true,
}

func TestStackIsCreatedInMoto(t *testing.T) {
	t.Parallel()
	everything := map[string]string{}
	for name, values := range alternatives {
		everything[name] = values[0]
	}
	delete(everything, "AssumeRoleArn")
	delete(everything, "FunctionSecurityGroupIds")
	delete(everything, "AWS::Partition")
	everything["EndpointSubnetIds"] = "{subnets}"
	everything["FleetAccounts"] = alternatives["FleetAccounts"][1]
	everything["RotationRoleArn"], everything["SweepRoleArn"] = "{role}", "{role}"
	stacks := []map[string]string{
		{"DatabaseHost": "orders.example.com"},
		{"DatabaseHost": "orders.example.com", "SweepMode": "off"},
		{"SecretArn": ownSecret, "AssumeRoleArn": assumedRole, "CreateVpcEndpoints": "true"},
		{"SecretArn": ownSecret, "FunctionSecurityGroupIds": "{group}"},
		everything,
	}
	for _, stack := range stacks {
		maps.Copy(stack, required)
		delete(stack, "SubnetIds.VpcId")
		maps.Copy(stack, map[string]string{"CodeBucket": "bucket", "CodeKey": "bootstrap.zip"})
		maps.Copy(stack, map[string]string{"VpcId": "{vpc}", "SubnetIds": "{subnets}", "DatabaseSecurityGroupId": "{group}"})
	}
	template := plainTemplate(t)
	request := map[string]any{"template": template.text, "stacks": stacks}
	var answers []motoStack
	if err := json.Unmarshal(python(t, "template_moto.py", []string{"moto", "boto3"}, request), &answers); err != nil {
		t.Fatal(err)
	}
	for i, answer := range answers {
		answer.compare(t, newStack(template, stacks[i]))
	}
}

// motoStack is what moto made of a template.
type motoStack struct {
	Status    string
	LeftOut   []string `json:"left_out"`
	Resources []string
}

func (m motoStack) compare(t *testing.T, s stack) {
	t.Helper()
	if m.Status != "CREATE_COMPLETE" {
		t.Errorf("with %v the stack ended in %s", s.values, m.Status)
	}
	for _, kind := range m.LeftOut {
		if !unknownToMoto[kind] {
			t.Errorf("moto could not make %s", kind)
		}
	}
	for name, resource := range s.template.Resources {
		expected := s.exists(resource.Condition) && !slices.Contains(m.LeftOut, resource.Type)
		if made := slices.Contains(m.Resources, name); made != expected {
			t.Errorf("with %v, %s made: %v, expected: %v", s.values, name, made, expected)
		}
	}
}
