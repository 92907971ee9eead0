"""Runs a state machine that redeploys ECS services, in moto.

Reads [{"definition": {...}, "services": [ARN]}] on standard input, makes the
services, and writes [{"status": ..., "deployed": [ARN]}] on standard output:
how each execution ended, and which services have a new deployment.
"""

import json
import os
import sys
import time

for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ[name] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
os.environ["MOTO_ACCOUNT_ID"] = "111122223333"

import boto3
from botocore.client import BaseClient
from moto import mock_aws

call = BaseClient._make_api_call


def call_as_step_functions_does(client, operation, parameters):
    """Takes UpdateService's parameters in PascalCase, which moto does not translate."""
    if operation == "UpdateService":
        parameters = {key[0].lower() + key[1:]: v for key, v in parameters.items()}
    return call(client, operation, parameters)


BaseClient._make_api_call = call_as_step_functions_does


def make_services(ecs, arns):
    container = {"name": "app", "image": "app", "memory": 128}
    ecs.register_task_definition(family="app", containerDefinitions=[container])
    for arn in arns:
        cluster, service = arn.split("/")[1:]
        ecs.create_cluster(clusterName=cluster)
        ecs.create_service(
            cluster=cluster, serviceName=service, taskDefinition="app", desiredCount=1
        )


def deployments(ecs, arns):
    """The identifier of each service's deployment."""
    found = {}
    for arn in arns:
        cluster = arn.split("/")[1]
        answer = ecs.describe_services(cluster=cluster, services=[arn])
        found[arn] = answer["services"][0]["deployments"][0]["id"]
    return found


def execute(definition):
    states = boto3.client("stepfunctions")
    machine = states.create_state_machine(
        name="redeploy",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::111122223333:role/redeploy",
    )
    arn = machine["stateMachineArn"]
    started = states.start_execution(stateMachineArn=arn, input='{"any": "event"}')
    while True:
        answer = states.describe_execution(executionArn=started["executionArn"])
        if answer["status"] != "RUNNING":
            return answer["status"]
        time.sleep(0.05)


@mock_aws(config={"stepfunctions": {"execute_state_machine": True}})
def run(definition, services):
    ecs = boto3.client("ecs")
    make_services(ecs, services)
    before = deployments(ecs, services)
    status = execute(definition)
    after = deployments(ecs, services)
    deployed = [arn for arn in services if before[arn] != after[arn]]
    return {"status": status, "deployed": deployed}


def main():
    json.dump([run(**request) for request in json.load(sys.stdin)], sys.stdout)


main()
