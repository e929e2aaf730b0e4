"""Settings from the command line and the environment, read once and validated."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tickerlake import paths
from tickerlake.errors import UserError

DATASETS = ("bars", "daily_bars", "corporate_actions", "loader_runs")
SINKS = ("folder", "firehose", "kinesis")


@dataclass(frozen=True, slots=True)
class Settings:
    """The lake's folder, and the sink that lines go to.

    `streams` names the delivery stream of each dataset (TICKERLAKE_STREAM_BARS, TICKERLAKE_STREAM_DAILY_BARS, …);
    the folder sink needs none.
    """

    lake: Path
    sink: str = "folder"
    streams: tuple[tuple[str, str], ...] = ()


def read_settings(lake: str | None, sink: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of options and environment (TICKERLAKE_LAKE, TICKERLAKE_SINK, TICKERLAKE_STREAM_…).

    Raises UserError when the lake is not a folder or cannot be one, the sink is unknown, or a stream's name is missing.
    """
    folder = paths.folder(lake or environment.get("TICKERLAKE_LAKE") or paths.PROJECT / "lake")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"lake '{folder}' is a file: choose a folder with --lake or TICKERLAKE_LAKE")
    chosen = sink or environment.get("TICKERLAKE_SINK") or "folder"
    if chosen not in SINKS:
        raise UserError(f"unknown sink '{chosen}': choose one of {', '.join(SINKS)}")
    names = {dataset: environment.get(_stream_variable(dataset), "") for dataset in DATASETS}
    missing = [_stream_variable(dataset) for dataset, name in names.items() if not name]
    if chosen != "folder" and missing:
        raise UserError(f"sink '{chosen}' needs the names of its streams: set {', '.join(missing)}")
    return Settings(folder, chosen, tuple(names.items()))


def require_durable(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """Raise UserError in a Lambda function that would store lines, state or dead letters on its temporary disk."""
    if "AWS_LAMBDA_FUNCTION_NAME" not in environment:
        return
    if settings.sink == "folder":
        raise UserError("the disk of a Lambda function is temporary: set TICKERLAKE_SINK to firehose or kinesis")
    if not environment.get("TICKERLAKE_STATE_BUCKET"):
        raise UserError("no bucket for state and dead letters: set TICKERLAKE_STATE_BUCKET to a bucket")


def _stream_variable(dataset: str) -> str:
    return f"TICKERLAKE_STREAM_{dataset.upper()}"
