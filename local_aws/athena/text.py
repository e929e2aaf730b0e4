"""Reading statements without parsing SQL: comments, quotes, brackets, names and property lists."""

import re
from collections.abc import Iterable, Iterator

from local_aws.athena.errors import StatementError

IDENTIFIER = r'(?:`[^`]+`|"[^"]+"|[\w$-]+)'
NAME = rf"(?P<name>{IDENTIFIER}(?:\s*\.\s*{IDENTIFIER}){{0,2}})"
_LEADING_COMMENTS = re.compile(r"\A(?:\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/))+", re.DOTALL)
_CLOSES = {"(": ")", "[": "]", "<": ">"}


def without_leading_comments(sql: str) -> str:
    """The statement from its first word to its last, without a final semicolon."""
    return _LEADING_COMMENTS.sub("", sql).strip().rstrip(";").strip()


def unquoted_identifier(name: str) -> str:
    """One identifier without backticks or double quotes, in lower case."""
    return name.strip().strip('`"').lower()


def split_name(name: str, database: str) -> tuple[str, str]:
    """(database, table) of a dotted name; the context's database when it names none."""
    parts = [unquoted_identifier(part) for part in re.findall(IDENTIFIER, name)]
    return (parts[-2] if len(parts) > 1 else database.lower()), parts[-1]


def literal(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def unquoted(value: str) -> str:
    """The text of a SQL string literal; anything else as it is."""
    return value[1:-1].replace("''", "'") if value[:1] == "'" and value[-1:] == "'" and len(value) > 1 else value


def outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    """The characters that are in no quotes and no comments, with their positions."""
    quote, i = "", 0
    while i < len(text):
        char = text[i]
        if quote:
            if char == quote:
                quote = ""
        elif char in "'\"`":
            quote = char
        elif text.startswith("--", i):
            i = (text.find("\n", i) + 1 or len(text)) - 1
        elif text.startswith("/*", i):
            i = (text.find("*/", i) + 2 if text.find("*/", i) >= 0 else len(text)) - 1
        else:
            yield i, char
        i += 1


def closing(text: str, start: int) -> int:
    """The position just after the bracket that closes text[start]. Raises StatementError when none does."""
    depth = 0
    for i, char in outside_quotes(text[start:]):
        if char in _CLOSES:
            depth += 1
        elif char in _CLOSES.values():
            depth -= 1
            if depth == 0:
                return start + i + 1
    raise StatementError(
        f"FAILED: ParseException line 1:{start} cannot recognize input near '{text[start : start + 40]}'"
    )


def split_list(text: str) -> list[str]:
    """The parts between top-level commas."""
    parts, depth, begin = [], 0, 0
    for i, char in outside_quotes(text):
        if char in _CLOSES:
            depth += 1
        elif char in _CLOSES.values():
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    last = text[begin:].strip()
    return [*parts, last] if last else parts


def properties(body: str) -> dict[str, str]:
    """`'key' = 'value', other = 5` as {key: text of the value as written}; names in lower case unless quoted."""
    found = {}
    for part in split_list(body):
        key, separator, value = part.partition("=")
        if not separator:
            raise StatementError(f"FAILED: ParseException: mismatched input '{part}' expecting a property")
        key = key.strip()
        found[unquoted(key) if key[:1] == "'" else key.strip('"').lower()] = value.strip()
    return found


def plain(values: dict[str, str]) -> dict[str, str]:
    """The properties with their values unquoted."""
    return {key: unquoted(value) for key, value in values.items()}


def joined(values: Iterable[str]) -> str:
    """A comma-separated list."""
    return ", ".join(values)


def bracketed(text: str, keyword: str) -> str:
    """What stands in the brackets after a keyword, '' when the keyword is absent."""
    match = re.search(keyword + r"\s*(?=\()", text, re.IGNORECASE)
    return text[match.end() + 1 : closing(text, match.end()) - 1] if match else ""
