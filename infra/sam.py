"""Translate the template's SAM resources as CloudFormation does, by AWS's own translator: `python -m infra.sam FILE`.

Runs in .venv-infra. On AWS the service does this itself; here the deployment's tests need it to create each resource.
"""

import json
import os
import sys
from pathlib import Path

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def main(path: str) -> None:
    """Print the translated template as JSON. Raises the translator's exception when the template is not valid SAM."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = json.loads(Path(path).read_text())
    defaults = {name: parameter.get("Default", name) for name, parameter in template["Parameters"].items()}
    print(json.dumps(Translator({}, Parser()).translate(template, defaults)))


if __name__ == "__main__":
    main(sys.argv[1])
