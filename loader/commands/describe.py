"""`describe`: guess the description of a file from a sample, and print it as YAML."""

from pathlib import Path

import click

from loader.commands.options import examples
from loader.commands.replay import RESPONSES, symbol_of
from loader.guess import Guess, guess_description
from tickerlake.errors import UserError


@click.command(
    short_help="guess how to read a file",
    epilog=examples("describe prices.csv", "describe exports/AAPL_kibot.txt"),
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
def describe(file: Path) -> int:
    """Print how to read FILE: the shipped description that fits, else a new one as YAML, ready to save.

    What the file does not say (the price basis, the zone, day or month first) stands in a comment. The exit code is 1
    when the description is not complete.
    """
    if not file.is_file():
        raise UserError(f"cannot read {file}: no such file")
    guess = guess_description(file)
    try:
        symbol_of(file)
        needs_symbol = False
    except UserError:
        needs_symbol = not guess.has_symbol
    if guess.response in RESPONSES:
        print(f"# a response of {guess.response}, read by its own parser")
        print(_command(file, guess.response, guess, needs_symbol))
    elif guess.name:
        print(f"# fits the shipped description '{guess.name}'")
        print(_command(file, guess.name, guess, needs_symbol))
    else:
        print(_command(file, "mine.yml", guess, needs_symbol))
        print(guess.yaml(), end="")
    return int(bool(guess.missing))


def _command(file: Path, provider: str, guess: Guess, needs_symbol: bool) -> str:
    options = [f"--provider {provider}"]
    options += [f"--dataset {guess.dataset}"] if guess.response and guess.dataset != "bars" else []
    options += ["--source file_raw"] if guess.needs_source else []
    options += ["--timezone America/New_York"] if guess.needs_zone and guess.name else []
    options += ["--symbol SYMBOL"] if needs_symbol else []
    name = f"'{file}'" if " " in str(file) else str(file)
    comment = "\n# the price basis is the vendor's: file_raw, file_split_adjusted or file_total_return_adjusted"
    return f"# python -m loader replay {name} {' '.join(options)}{comment if guess.needs_source else ''}"
