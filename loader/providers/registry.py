"""The providers by name. A new one is a module with a class, and one entry here."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from loader.providers import description, http_json, yahoo
from loader.providers.alphavantage import RAPIDAPI_HOST, URL, AlphaVantage
from loader.providers.base import Limits, Provider
from loader.redact import Redactor
from tickerlake.errors import UserError

_HOST = re.compile("https://[^/]+")


def _http_json(environment: Mapping[str, str]) -> Provider:
    path = environment.get("TICKERLAKE_HTTP_JSON")
    if not path:
        raise UserError("provider http_json needs a description: set TICKERLAKE_HTTP_JSON to its file")
    return http_json.load(Path(path))


def _alphavantage(environment: Mapping[str, str], *, adjusted: bool) -> Provider:
    return AlphaVantage(adjusted=adjusted, base_url=environment.get("TICKERLAKE_ALPHAVANTAGE_URL") or URL)


def _rapidapi(environment: Mapping[str, str], *, adjusted: bool) -> Provider:
    base_url = environment.get("TICKERLAKE_RAPIDAPI_URL") or f"https://{RAPIDAPI_HOST}"
    return AlphaVantage(adjusted=adjusted, rapidapi=True, base_url=base_url)


PROVIDERS: dict[str, Callable[[Mapping[str, str]], Provider]] = {
    "alphavantage": lambda environment: _alphavantage(environment, adjusted=False),
    "alphavantage_adjusted": lambda environment: _alphavantage(environment, adjusted=True),
    "rapidapi": lambda environment: _rapidapi(environment, adjusted=False),
    "rapidapi_adjusted": lambda environment: _rapidapi(environment, adjusted=True),
    "yahoo": lambda environment: yahoo.Yahoo(environment.get("TICKERLAKE_YAHOO_URL") or yahoo.URL),
    "http_json": _http_json,
}
"""Each builds a provider from the environment; TICKERLAKE_…_URL replaces the host for tests and mirrors."""


def build_provider(name: str, environment: Mapping[str, str] = os.environ) -> Provider:
    """Build the named provider, or the one of a described API: a shipped description, or a file (mine.yml).

    TICKERLAKE_<NAME>_URL replaces the host of a shipped description. Raises UserError when it is unknown.
    """
    if name in PROVIDERS:
        return PROVIDERS[name](environment)
    if name in described_apis() or name.endswith((".yml", ".yaml", ".json")):
        described = description.load(name if "." in name else f"api_{name}")
        if not described.url:
            raise UserError(f"description {name} has no url, so nothing can be requested: use it with replay")
        base_url = environment.get(f"TICKERLAKE_{described.name.upper()}_URL")
        if base_url:
            described = replace(described, url=base_url + _HOST.sub("", described.url))
        return http_json.HttpJson(described)
    known = ", ".join([*PROVIDERS, *described_apis()])
    raise UserError(f"unknown provider '{name}': choose one of {known}, or a description such as mine.yml")


def described_apis() -> list[str]:
    """List the shipped descriptions of APIs, by their files' names."""
    return sorted(path.stem.removeprefix("api_") for path in description.SHIPPED.glob("api_*.yml"))


def resolve_limits(name: str, provider: Provider, environment: Mapping[str, str] = os.environ) -> Limits:
    """Return the provider's limits, or those of TICKERLAKE_<PROVIDER>_LIMITS (such as `per_minute=75,per_day=500`).

    `none` in the variable means no limit. Raises UserError when the variable cannot be read.
    """
    variable = f"TICKERLAKE_{name.upper()}_LIMITS"
    text = environment.get(variable)
    if not text:
        return provider.limits
    windows = {}
    for part in [] if text == "none" else text.split(","):
        window, _, number = part.strip().partition("=")
        if window not in ("per_second", "per_minute", "per_day") or not number.isdecimal():
            raise UserError(f"cannot read {variable}='{text}': write per_second=1,per_minute=75,per_day=500 or none")
        windows[window] = int(number)
    return Limits(**windows)


def read_keys(provider: Provider, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the provider's keys (comma-separated in its variable), or one empty key when it needs none.

    Raises UserError, naming the variable, when they are missing or too short to be redacted safely.
    """
    if not provider.key_variable:
        return [""]
    keys = [key.strip() for key in environment.get(provider.key_variable, "").split(",") if key.strip()]
    if not keys:
        raise UserError(
            f"source '{provider.source}' needs a key: set {provider.key_variable} (several: comma-separated)"
        )
    Redactor(keys)
    return keys
