"""Removal of secrets from every text before it is stored, shown or parsed further."""

import json
import logging
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from tickerlake.errors import UserError

MARK = "[redacted]"
_SHORTEST = 8
_PUBLIC = ("demo",)


class Redactor:
    """Replaces the secrets of this process in texts, also in the spelling of URLs and JSON."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Collect the secrets' spellings. Raises UserError for a secret that is too short to be replaced safely."""
        forms: set[str] = set()
        for secret in secrets:
            if not secret or secret in _PUBLIC:
                continue
            if len(secret) < _SHORTEST:
                raise UserError(f"a vendor key has {len(secret)} characters: use one of at least {_SHORTEST}")
            forms |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        for form in self._forms:
            text = text.replace(form, MARK)
        return text

    def bytes(self, content: bytes) -> bytes:
        """Return the bytes without secrets; bytes without any are returned unchanged."""
        for form in self._forms:
            content = content.replace(form.encode(), MARK.encode())
        return content


class LogFilter(logging.Filter):
    """Redacts log records of libraries that log URLs."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message by its redacted text."""
        record.msg, record.args = self._redactor.text(record.getMessage()), ()
        return True
