"""Runs the SAM transform over a template.

Reads {"template": path, "parameters": [{name: value}]} on standard input and
writes {"Templates": [...], "Of": [place in Templates]} on standard output: each
result once, and which of them came of each set of parameters.
"""

import copy
import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def packaged(path):
    """The template as `sam package` leaves it, with the code in a bucket."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/bootstrap.zip"
    return template


def main():
    request = json.load(sys.stdin)
    template = packaged(request["template"])
    places, of = {}, []
    for parameters in request["parameters"]:
        result = Translator({}, Parser()).translate(copy.deepcopy(template), parameters)
        of.append(places.setdefault(json.dumps(result, sort_keys=True), len(places)))
    sys.stdout.write('{"Templates":[%s],"Of":%s}' % (",".join(places), json.dumps(of)))


main()
