"""The Glue databases of a deployment by name, so that neither a policy nor a removal reaches another deployment's.

A prefix would: `tickerlake_dev_` begins the databases of the deployment `dev-anna`, too.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tickerlake.lake import PROJECT

RAW = "raw"
"""The schema of the sources, which the template creates."""
_TEST_FAILURES = "dbt_test__audit"
"""Where dbt stores the rows of a failing test; its own default."""
_AS_OF = "as_of"
"""What a build with the var as_of puts after the base; see macros/overrides/base_schema.sql."""


def schemas() -> list[str]:
    """Return the schemas of the dbt project, sorted, without the deployment's base before them."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    configured = {*_configured(project["models"]), *_configured(project["seeds"])}
    return sorted({*configured, project["vars"]["published_schema"], RAW, _TEST_FAILURES})


def _configured(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "+schema":
                yield value
            else:
                yield from _configured(value)


def database_names(base: str) -> list[str]:
    """Return every database that a deployment may have: base and schemas, and those of a build with the var as_of."""
    return [name for root in (base, f"{base}_{_AS_OF}") for name in (root, *(f"{root}_{name}" for name in schemas()))]


def base_pattern() -> str:
    """Return the pattern of the template's parameter Schema: no base may be the name of another's database."""
    endings = "|".join(map(re.escape, [_AS_OF, *schemas()]))
    return f"(?!.*_({endings})$)[a-z][a-z0-9_]{{0,40}}"
