"""The text of an alert's e-mail."""

from typing import Any

from serving.alerts.bars import Thresholds

ADVICE = "Computed from data that may be late, wrong or incomplete: this is not trading advice."


def format_email(alert: dict[str, Any], thresholds: Thresholds) -> str:
    """Return the text of an alert, given its message for programs; the first line is the subject."""
    signal_type = alert["signal_type"].replace("_", " ")
    title = f"{alert['symbol']}: {signal_type} {alert['direction']}"
    time = alert["bar_start_at"].replace("T", " ").replace("Z", " UTC")
    bar = f"{alert['symbol']} at {time} ({alert['bar_interval']} bar, {alert['source']})"
    if alert["kind"] == "retraction":
        return (
            f"Withdrawn: {title}\n\nThe {signal_type} of {bar} is withdrawn: a corrected bar no longer has it."
            f"\n\n{ADVICE}\n"
        )
    return f"{title}\n\n{bar}, close {alert['close']:,.4f}: {_describe(alert, thresholds)}.\n\n{ADVICE}\n"


def _describe(alert: dict[str, Any], thresholds: Thresholds) -> str:
    value, threshold = alert["value"], alert["threshold"]
    if alert["signal_type"] == "crossover":
        direction = "above" if alert["direction"] == "BUY" else "below"
        return f"the mean of the last 5 closes, {value:,.4f}, crossed {direction} that of the last 20, {threshold:,.4f}"
    if alert["signal_type"] == "volume_spike":
        factor, bars = thresholds.spike_factor, thresholds.spike_bars
        return (
            f"volume {value:,.0f} is more than {factor:g} times the mean of the {bars} bars before,"
            f" which makes {threshold:,.0f}"
        )
    return f"the change from the bar before is {value:+.2f} %, more than {threshold:g} %"
