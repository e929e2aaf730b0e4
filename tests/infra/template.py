"""What several tests of the template use."""

import json
import re
from typing import Any

from infra.template import load

TEMPLATE = load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def assert_only_own_resources_refer_to(own: set[str]) -> None:
    """Assert that no resource outside an option refers to one inside, which may not exist."""
    reference = re.compile(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"')
    for name, resource in RESOURCES.items():
        optional = set(reference.findall(json.dumps(resource))) & own
        assert name in own or not optional, f"{name} needs {optional}, which may not exist"
