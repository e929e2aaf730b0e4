"""Read SQL as text, without a parser: comments, quotes, brackets, names and property lists."""

import re
from collections.abc import Iterable, Iterator

from local_aws.athena.errors import StatementError

IDENTIFIER = r'(?:`[^`]+`|"[^"]+"|[\w$-]+)'
NAME = rf"(?P<name>{IDENTIFIER}(?:\s*\.\s*{IDENTIFIER}){{0,2}})"
_LEADING_COMMENTS = re.compile(r"\A(?:\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/))+", re.DOTALL)
_DECIMAL_LITERAL = re.compile(r"(?<![\w.$\"`)\]])(?:\d+\.\d*|\.\d+)(?![\w.])")
_CLOSING_BRACKETS = {"(": ")", "[": "]", "<": ">"}


def strip_leading_comments(sql: str) -> str:
    """Return the statement from its first keyword on, without a final semicolon."""
    return _LEADING_COMMENTS.sub("", sql).strip().rstrip(";").strip()


def unquote_identifier(name: str) -> str:
    """Return one identifier without backticks or double quotes, in lower case."""
    return name.strip().strip('`"').lower()


def split_name(name: str, database: str) -> tuple[str, str]:
    """Return (database, table) of a dotted name; `database` is the default when the name has none."""
    parts = [unquote_identifier(part) for part in re.findall(IDENTIFIER, name)]
    return (parts[-2] if len(parts) > 1 else database.lower()), parts[-1]


def quote_literal(value: str) -> str:
    """Return the value as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def quote_literals(values: Iterable[str]) -> str:
    """Return the values as a comma-separated list of SQL string literals."""
    return ", ".join(map(quote_literal, values))


def unquote_literal(value: str) -> str:
    """Return the content of a SQL string literal; any other text is returned unchanged."""
    return value[1:-1].replace("''", "'") if value[:1] == "'" and value[-1:] == "'" and len(value) > 1 else value


def unquoted_characters(text: str) -> Iterator[tuple[int, str]]:
    """Yield (position, character) for each character that is in no quotes and no comment."""
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


def mask_quotes(text: str) -> str:
    """Return text of the same length, with blanks for what is in quotes or comments; the quotes are kept."""
    visible = [char if char in '"`' else " " for char in text]
    for i, char in unquoted_characters(text):
        visible[i] = char
    return "".join(visible)


def decimals_to_doubles(sql: str) -> str:
    """Return the SQL with each decimal literal as a double: 1.5 becomes 1.5e0, `decimal '1.5'` is unchanged.

    Athena reads decimal literals as doubles, as Trino before 428 did with parse-decimal-literals-as-double.
    """
    if not _DECIMAL_LITERAL.search(sql):
        return sql
    pieces, end = [], 0
    for match in _DECIMAL_LITERAL.finditer(mask_quotes(sql)):
        pieces.append(sql[end : match.end()])
        end = match.end()
    return "e0".join([*pieces, sql[end:]])


def find_closing_bracket(text: str, start: int) -> int:
    """Return the position after the bracket that closes text[start]. Raises StatementError when there is none."""
    depth = 0
    for i, char in unquoted_characters(text[start:]):
        if char in _CLOSING_BRACKETS:
            depth += 1
        elif char in _CLOSING_BRACKETS.values():
            depth -= 1
            if depth == 0:
                return start + i + 1
    raise StatementError(
        f"FAILED: ParseException line 1:{start} cannot recognize input near '{text[start : start + 40]}'"
    )


def split_list(text: str) -> list[str]:
    """Return the parts between top-level commas."""
    parts, depth, begin = [], 0, 0
    for i, char in unquoted_characters(text):
        if char in _CLOSING_BRACKETS:
            depth += 1
        elif char in _CLOSING_BRACKETS.values():
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    last = text[begin:].strip()
    return [*parts, last] if last else parts


def parse_properties(body: str) -> dict[str, str]:
    """Return `'key' = 'value', other = 5` as {key: value as written}; keys are in lower case unless quoted."""
    values = {}
    for part in split_list(body):
        key, separator, value = part.partition("=")
        if not separator:
            raise StatementError(f"FAILED: ParseException: mismatched input '{part}' expecting a property")
        key = key.strip()
        values[unquote_literal(key) if key[:1] == "'" else key.strip('"').lower()] = value.strip()
    return values


def parse_unquoted_properties(body: str) -> dict[str, str]:
    """Return a property list as {key: value without quotes}."""
    return {key: unquote_literal(value) for key, value in parse_properties(body).items()}


def read_brackets(text: str, keyword: str) -> str:
    """Return the text in the brackets after a keyword (a regular expression), '' when the keyword is absent."""
    match = re.search(keyword + r"\s*(?=\()", text, re.IGNORECASE)
    return text[match.end() + 1 : find_closing_bracket(text, match.end()) - 1] if match else ""
