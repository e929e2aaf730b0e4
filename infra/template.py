"""The template as JSON, as CloudFormation accepts it: anchors and merges resolved, short tags written out.

`python -m infra.template FILE` writes it; the linters read that file, since it is what is deployed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from infra.raw_zone import TEMPLATE


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def _construct_tag(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _construct_tag)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Read the template without short tags, anchors and merges."""
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a safe loader with tags of its own
    return template


def write(target: Path) -> None:
    """Write the template as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(load(), indent=1) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
