"""Creates a transformed template as stacks in moto.

Reads {"template": {...}, "stacks": [{parameter: value}]} on standard input and
writes [{"status": ..., "resources": [logical id], "left_out": [type]}] on
standard output. What moto does not know is left out beforehand.
The VPC, subnets, database group and role that the parameters name are made first:
{vpc}, {subnets}, {group} and {role} in a value stand for them.
"""

import io
import json
import os
import sys
import zipfile

for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ[name] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"

import boto3
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map


def surroundings():
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")["Subnet"]["SubnetId"]
        for i in range(2)
    ]
    group = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)
    role = boto3.client("iam").create_role(RoleName="own", AssumeRolePolicyDocument="{}")
    return {
        "{vpc}": vpc,
        "{subnets}": ",".join(subnets),
        "{group}": group["GroupId"],
        "{role}": role["Role"]["Arn"],
    }


def upload_code():
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "#!/bin/sh\n")
    s3 = boto3.client("s3")
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    s3.put_object(Bucket="bucket", Key="bootstrap.zip", Body=package.getvalue())


def without(value, gone):
    """The value with every reference to a resource in gone made a plain string.

    So are the names of a VPC endpoint, which moto does not tell.
    """
    if isinstance(value, list):
        return [without(item, gone) for item in value]
    if isinstance(value, str):
        for name in gone:
            value = value.replace("${%s}" % name, name)
        return value
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in gone:
        return value["Ref"]
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][1] == "DnsEntries":
        return ["Z1:*.vpce-1.example.com"]
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in gone:
        return "arn:aws:left:eu-west-1:123456789012:out"
    return {key: without(item, gone) for key, item in value.items()}


def leave_out_unknown(template):
    known = set(get_model_map())
    resources = json.loads(json.dumps(template["Resources"]))
    gone = {name: r["Type"] for name, r in resources.items() if r["Type"] not in known}
    kept = {name: r for name, r in resources.items() if name not in gone}
    for resource in kept.values():
        after = [name for name in resource.get("DependsOn", []) if name not in gone]
        resource["DependsOn"] = after
    return without({**template, "Resources": kept}, gone), sorted(set(gone.values()))


def create(name, template, left_out, parameters):
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in parameters.items()
        ],
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    resources = cloudformation.list_stack_resources(StackName=name)
    return {
        "status": stack["StackStatus"],
        "left_out": left_out,
        "resources": [
            r["LogicalResourceId"] for r in resources["StackResourceSummaries"]
        ],
    }


@mock_aws
def main():
    request = json.load(sys.stdin)
    template, left_out = leave_out_unknown(request["template"])
    upload_code()
    made = surroundings()
    answers = []
    for number, stack in enumerate(request["stacks"]):
        values = {key: made.get(value, value) for key, value in stack.items()}
        answers.append(create(f"test{number}", template, left_out, values))
    json.dump(answers, sys.stdout)


main()
