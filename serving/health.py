"""Freshness and completeness of a release."""

from datetime import datetime
from typing import Any

from serving.release_source import ReleaseSource


def compute_health(source: ReleaseSource) -> dict[str, Any]:
    """Return the age of a release, its last batch, and its quarantined lines by reason, ready for JSON.

    `quarantine_rate` is a fraction of the landed lines; `status` is "lines_missing" when a landed line is unaccounted
    for, else "ok".
    """
    ((bar,),) = source.rows("select max(bar_start_at) from fct_bar")
    ((daily,),) = source.rows("select max(last_date) from dim_series where bar_interval = '1day'")
    ((batch, built),) = source.rows("select max(batch_id), max(recorded_at) from fct_model_run")
    ((landed, quarantined, missing),) = source.rows(
        "select coalesce(sum(landed_lines), 0), coalesce(sum(quarantined_lines), 0), coalesce(sum(missing_lines), 0) "
        "from fct_load_audit"
    )
    reasons = source.rows(
        "select reasons, sum(occurrences) from quarantined_record group by 1 order by 2 desc, 1 limit 20"
    )
    return {
        "status": "lines_missing" if missing else "ok",
        "time_zone": "UTC",
        "release": source.tag,
        "published_at": source.published_at,
        "last_built_at": _format_utc(built),
        "last_batch_id": batch,
        "last_bar_start_at": _format_utc(bar),
        "last_session_date": str(daily) if daily else None,
        "landed_lines": int(landed),
        "quarantined_lines": int(quarantined),
        "quarantine_rate": float(quarantined / landed) if landed else 0.0,
        "missing_lines": int(missing),
        "quarantine_reasons": {reason: int(count) for reason, count in reasons},
    }


def _format_utc(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None
