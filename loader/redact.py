"""Secrets taken out of every text before it is kept, shown or parsed further."""

import json
import logging
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from tickerlake.errors import UserError

MARK = "[redacted]"
_SHORTEST = 8
_PUBLIC = ("demo",)


class Redactor:
    """Knows the secrets of this process and replaces them, also as a URL or JSON spells them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Raises UserError for a secret so short that replacing it would garble innocent text."""
        forms: set[str] = set()
        for secret in secrets:
            if not secret or secret in _PUBLIC:
                continue
            if len(secret) < _SHORTEST:
                raise UserError(f"a vendor key has {len(secret)} characters: keys of under {_SHORTEST} are refused")
            forms |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Give the text without secrets."""
        for form in self._forms:
            text = text.replace(form, MARK)
        return text

    def bytes(self, content: bytes) -> bytes:
        """Give the bytes without secrets; bytes that hold none come back untouched."""
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
