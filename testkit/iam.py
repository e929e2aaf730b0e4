"""Whether AWS would allow a request, from the policies alone: IAM's evaluation within one account.

After IAM's user guide, "Policy evaluation logic" and "IAM JSON policy elements": a matching Deny wins; else one
matching Allow suffices, in a policy of the identity or of the resource; else the request is refused. A statement
matches when its principal, action, resource and every condition match. A condition on a key that the request does not
carry is false, unless its operator ends in IfExists, is negated, or is Null.

Not here: permission boundaries, service control policies, session policies, grants, and requests across accounts. What
a policy uses beyond this is an error, never skipped.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Statement = Mapping[str, Any]

_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


class UnsupportedPolicyError(Exception):
    """A policy uses an element, an operator or a variable that this module does not evaluate."""


@dataclass(frozen=True)
class Request:
    """One call of an API: the action, the resource's ARN, the condition keys it carries, and who calls."""

    action: str
    resource: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str = ""
    """A service such as events.amazonaws.com; empty for the identity whose policies are evaluated."""

    def __str__(self) -> str:
        """Return the request as a test's message shows it."""
        return f"{self.principal} {self.action} on {self.resource} {dict(self.context) or ''}".strip()


def is_allowed(request: Request, statements: Iterable[Statement]) -> bool:
    """Return IAM's decision: an explicit Deny wins, then an Allow, else the request is refused."""
    effects = {statement["Effect"] for statement in statements if matches(request, statement)}
    return effects == {"Allow"}


def matches(request: Request, statement: Statement) -> bool:
    """Return whether a statement applies to a request. Raises UnsupportedPolicyError for what is not evaluated here."""
    if unknown := set(statement) - _ELEMENTS:
        raise UnsupportedPolicyError(f"cannot evaluate the elements of a statement: {sorted(unknown)}")
    return (
        _matches_principal(request, statement)
        and _matches_listed(statement, "Action", request.action, ignores_case=True)
        and _matches_listed(statement, "Resource", request.resource)
        and all(
            _holds(operator, key, _as_list(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _matches_principal(request: Request, statement: Statement) -> bool:
    if "Principal" not in statement:
        return not request.principal
    principal = statement["Principal"]
    if principal == "*":
        return True
    if unknown := set(principal) - {"Service", "AWS", "Federated"}:
        raise UnsupportedPolicyError(f"cannot evaluate the principals {sorted(unknown)}")
    named = [name for kind in principal.values() for name in _as_list(kind)]
    return request.principal in named


def _matches_listed(statement: Statement, element: str, value: str, *, ignores_case: bool = False) -> bool:
    if element not in statement and f"Not{element}" not in statement:
        return element == "Resource"  # a trust policy has none: it is about its own role
    negated = element not in statement
    patterns = _as_list(statement[f"Not{element}" if negated else element])
    is_listed = any(_like(pattern, value, ignores_case=ignores_case) for pattern in patterns)
    return is_listed != negated


def _holds(operator: str, key: str, expected: Sequence[str], context: Mapping[str, str]) -> bool:
    """Return whether one condition holds: values of a key are alternatives, keys and operators must all hold."""
    lowered = {name.lower(): value for name, value in context.items()}
    actual = lowered.get(key.lower())
    if operator == "Null":
        return (actual is None) == (expected[0].lower() == "true")
    kind = operator.removesuffix("IfExists")
    negated = "Not" in kind
    if actual is None:
        return negated or kind != operator
    comparison = kind.replace("Not", "", 1)
    if comparison in ("StringEquals", "Bool"):
        is_met = actual in expected
    elif comparison in ("StringLike", "ArnLike", "ArnEquals"):
        is_met = any(_like(pattern, actual) for pattern in expected)
    else:
        raise UnsupportedPolicyError(f"cannot evaluate the operator {operator} of a condition on {key}")
    return is_met != negated


def _like(pattern: str, value: str, *, ignores_case: bool = False) -> bool:
    if "${" in pattern:
        raise UnsupportedPolicyError(f"cannot evaluate a policy variable: {pattern}")
    return bool(_compiled(pattern, ignores_case).fullmatch(value))


@cache
def _compiled(pattern: str, ignores_case: bool) -> re.Pattern[str]:
    wild = "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in pattern)
    return re.compile(wild, re.DOTALL | (re.IGNORECASE if ignores_case else 0))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
