"""Mutated descriptions and bodies for the readers of described sources: typed errors only, and never a forged bar.

Run as `python -m tests.loader.fuzz_described [COUNT]`; the test suite runs a few hundred.
"""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

from loader.guess import guess_description
from loader.outcome import Kind, Outcome
from loader.providers import description
from loader.providers.described import parse_payload
from loader.providers.description import Description
from loader.providers.http_json import HttpJson
from loader.providers.parse_context import ParseContext
from tests.loader.test_described_files import DAILY, MINUTES
from tickerlake.errors import UserError

PIECES = [
    *(
        b"",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b'"',
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r\n",
        b"-",
        b"1e999",
        b"NaN",
        b"9" * 400,
    ),
    *(b"2024-02-30", b"2024-03-10 02:30:00", b"2024-11-03 01:30:00", b"[" * 3000, b"{", b"null", b"true", b"&a", b"*a"),
    *(
        b"99999999999999999999",
        b"-1",
        b"0001-01-01T00:00:00+14:00",
        b"\xe2\x80\xae",
        b"%Q",
        b"(?P<symbol>",
        b"!!python/x",
    ),
]
CONTEXT = ParseContext.build("http_json", "AAPL", "1min", date(2024, 6, 6))


def mutate(rng: random.Random, body: bytes) -> bytes:
    """Return a body cut, overwritten, doubled or re-encoded."""
    for _ in range(rng.randint(1, 4)):
        at, until = sorted((rng.randint(0, len(body)), rng.randint(0, len(body))))
        kind = rng.randrange(6)
        if kind == 0:
            body = body[:at]
        elif kind == 1:
            body = body[:at] + rng.choice(PIECES) + body[at:]
        elif kind == 2:
            body = body[:at] + rng.choice(PIECES) + body[min(until, at + 12) :]
        elif kind == 3:
            body = body[:at] + rng.randbytes(rng.randint(1, 8)) + body[at + 1 :]
        elif kind == 4:
            body = body[:until] + body[at:until] + body[until:]
        else:
            body = body.decode("latin-1").encode(rng.choice(["utf-16", "utf-8", "latin-1", "cp1252"]), "replace")
    return body[:100_000]


def check_outcome(outcome: Outcome) -> None:
    """Fail for an outcome that no parser may return."""
    if outcome.kind is not Kind.BARS:
        assert not outcome.bars
        assert not outcome.daily_bars
    for bar in outcome.bars:
        assert bar.bar_start is None or bar.bar_start.utcoffset() is not None
        assert bar.bar_start is None or 1900 <= bar.bar_start.year < 2201
        assert bar.symbol


def fuzz(count: int, seed: int = 19, log: Callable[[str], object] = print) -> Counter[str]:
    """Try so many mutated descriptions, bodies and files; return how often each outcome came."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    texts = [path.read_bytes() for path in sorted(description.SHIPPED.glob("*.yml"))]
    files = [(description.load(name), file[1].encode()) for name, file in (MINUTES | DAILY).items()]
    apis = [description.read(path) for path in sorted(description.SHIPPED.glob("api_*.yml"))]
    row = b'{"t":1717594200000,"o":1.5,"h":2,"l":1,"c":1.75,"v":10,"date":"2024-06-05T13:30:00Z"}'
    bodies = [
        b'{"results":[' + row + b'],"bars":[' + row + b"]}",
        b"[[1717594200000,1.5,2,1,1.75,10]]",
        b"[" + row + b"]",
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        for at in range(count):
            kind = at % 4
            if kind == 0:
                counts[read_description(mutate(rng, rng.choice(texts)))] += 1
            elif kind == 1:
                described, content = rng.choice(files)
                counts[parse(described, mutate(rng, content))] += 1
            elif kind == 2:
                body = mutate(rng, rng.choice(bodies))
                outcome = HttpJson(rng.choice(apis)).parse(body, CONTEXT, rng.choice(["bars", "daily_bars"]))
                check_outcome(outcome)
                counts[f"api {outcome.kind}"] += 1
            elif at % 40 == 3:
                path.write_bytes(mutate(rng, rng.choice(files)[1]))
                counts[guess(path)] += 1
            if at and at % 20_000 == 0:
                log(f"{at:,} {dict(counts)}")
    return counts


def read_description(content: bytes) -> str:
    try:
        built = description.build(description.parse_text(content, is_json=False))
    except ValueError as error:
        assert str(error)
        return "description refused"
    assert isinstance(built, Description)
    return "description read"


def parse(described: Description, content: bytes) -> str:
    outcome = parse_payload(content, CONTEXT, described, described.dataset)
    check_outcome(outcome)
    return f"file {outcome.kind}"


def guess(path: Path) -> str:
    try:
        guess_description(path)
    except UserError:
        return "guess refused"
    return "guessed"


if __name__ == "__main__":
    print(dict(fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)))
