"""What a vendor says when it serves no data: the text, and the outcome that its words mean."""

import re

from loader.decode import Number, decode, looks_like_html, mapping
from loader.outcome import Kind, Outcome

_LONGEST = 160
_TEXTS = ("message", "Message", "error_message", "error", "msg", "detail", "details", "description", "reason", "note")
_ENVELOPES = ("error", "errors", "chart", "finance", "meta", "response")
_PER_MINUTE = re.compile(
    r"sparingly|(per|a|each|every|current|next|this|/) ?(minute|second|sec|min)\b|too many requests|rate limit exceeded"
)
_PER_DAY = re.compile(r"\bdaily|monthly|(per|for the|for|a|each|this|/) ?(day|today|month)\b|quota exceeded|used up")
_KEY = re.compile(r"(api|access)[ _-]?(key|token)|invalid (key|token)|unauthori[sz]ed")
_PAID = re.compile(r"premium|subscri|upgrade|not entitled|entitlement|your plan|not allowed|permission|forbidden")
_SYMBOL = re.compile(
    r"(symbol|ticker|instrument)\W.*(not found|invalid|unknown|missing)|(unknown|invalid) (symbol|ticker)"
)
_BY_STATUS = {
    "401": Kind.BAD_KEY,
    "402": Kind.ENTITLEMENT,
    "403": Kind.ENTITLEMENT,
    "404": Kind.UNKNOWN_SYMBOL,
    "451": Kind.ENTITLEMENT,
}


def is_burst_limit(text: str) -> bool:
    """Return whether a text speaks of a limit per minute or second, whatever else it advertises."""
    return _PER_MINUTE.search(text.lower()) is not None


def is_daily_quota(text: str) -> bool:
    """Return whether a text speaks of a limit per day or month."""
    return _PER_DAY.search(text.lower()) is not None


def clean_text(text: object) -> str:
    """Return a vendor's text as one printable line of limited length."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line[:_LONGEST]


def extract_text(payload: bytes) -> str:
    """Return the vendor's message in a body: of its JSON, else its first line; empty for a web page."""
    if looks_like_html(payload):
        return ""
    try:
        return clean_text(_find_text(decode(payload)))
    except ValueError:
        return clean_text(payload[:1000].decode("utf-8", "replace"))


def with_text(reason: str, text: str) -> str:
    """Return a reason, followed by what the vendor said."""
    return f"{reason}: {text}" if text else reason


def classify_envelope(body: object) -> Outcome | None:
    """Return the outcome of a JSON body that holds an error in place of rows; None when it holds no error.

    Words of a limit decide first, then the status inside the body, then other words.
    """
    text = clean_text(_find_text(body))
    envelopes = [mapping(body), *(mapping(mapping(body).get(name)) for name in _ENVELOPES)]
    status = next(
        (str(part[name]) for part in envelopes for name in ("code", "status", "statusCode") if name in part), ""
    )
    is_error = status.lower() in ("error", "not_authorized") or (status.isdecimal() and int(status) >= 400)
    if not (text or is_error):
        return None
    lower = text.lower()
    kind = Kind.UNKNOWN
    if is_burst_limit(lower):
        kind = Kind.BURST_LIMIT
    elif is_daily_quota(lower):
        kind = Kind.DAILY_QUOTA
    elif status == "429":
        kind = Kind.BURST_LIMIT
    elif status in _BY_STATUS:
        kind = _BY_STATUS[status]
    elif _PAID.search(lower):
        kind = Kind.ENTITLEMENT
    elif _KEY.search(lower):
        kind = Kind.BAD_KEY
    elif _SYMBOL.search(lower):
        kind = Kind.UNKNOWN_SYMBOL
    elif is_error:
        kind = Kind.BAD_REQUEST
    return Outcome(kind, message=with_text("the vendor refused the request", text))


def _find_text(body: object, depth: int = 0) -> str:
    """Return the first message in a JSON body, at most three levels deep."""
    if isinstance(body, str) and not isinstance(body, Number):
        return body if depth else ""
    if isinstance(body, list) and body and depth:
        return _find_text(body[0], depth + 1)
    if depth > 3 or not isinstance(body, dict):
        return ""
    for name in (*_TEXTS, *_ENVELOPES):
        text = _find_text(body[name], depth + 1) if name in body else ""
        if text:
            return text
    return ""
