"""The demo's closing summary: the content of the lake on one screen."""

import duckdb

from tickerlake import lake
from tickerlake.text_table import render_table

_MARTS = (
    "fct_bar",
    "fct_price_change",
    "fct_moving_average",
    "fct_technical_indicator",
    "fct_volume_spike",
    "fct_signal",
    "fct_daily_bar",
    "fct_daily_return",
    "fct_daily_indicator",
    "dim_corporate_action",
    "quarantined_record",
)


def render_summary() -> str:
    """Return a summary of the published lake: row counts, strongest spikes, latest prices, quarantined lines, paths."""
    folder = lake.folder()
    with lake.connect(folder) as connection:
        blocks = [
            render_table("Rows", ["table", "rows"], [(mart, _count(connection, mart)) for mart in _MARTS]),
            render_table(
                "Strongest volume spikes",
                ["symbol", "minute (UTC)", "volume", "times the mean"],
                connection.sql("""
                    select symbol, strftime(bar_start_at, '%Y-%m-%d %H:%M'), cast(volume as bigint),
                        cast(volume_ratio as decimal(18, 1))
                    from fct_volume_spike inner join fct_bar using (symbol, bar_interval, source, bar_start_at, volume)
                    inner join dim_session on session_date = fct_bar.bar_date and mic = 'XNYS'
                    -- after the opening minutes, which are always busier than the pre-market before them
                    where volume_spike = 'SPIKE' and bar_interval = '1min'
                        and bar_start_at between opens_at + interval 3 minute and closes_at
                    order by volume_ratio desc, symbol limit 5
                """).fetchall(),
            ),
            render_table(
                "Latest bar",
                ["symbol", "minute (UTC)", "close", "sma 5", "sma 20", "change %"],
                connection.sql("""
                    select symbol, strftime(bar_start_at, '%Y-%m-%d %H:%M'),
                        cast(close as decimal(18, 2)), cast(sma_5 as decimal(18, 2)),
                        cast(sma_20 as decimal(18, 2)), cast(price_change_pct as decimal(18, 3))
                    from fct_moving_average
                    inner join fct_price_change using (symbol, bar_interval, source, bar_start_at, close)
                    where bar_interval = '1min'
                    qualify row_number() over (partition by symbol order by bar_start_at desc) = 1
                    order by symbol
                """).fetchall(),
            ),
            render_table(
                "Splits and dividends of the simulated days",
                ["date", "symbol", "what", "close before", "close", "return %"],
                connection.sql("""
                    select cast(session_date as varchar), symbol,
                        case kind when 'split' then cast(cast(ratio as integer) as varchar) || ' new shares for 1'
                            else cast(cast(amount as decimal(18, 2)) as varchar) || ' dollars a share' end,
                        cast(lag_close as decimal(18, 2)), cast(close as decimal(18, 2)),
                        cast(100 * total_return as decimal(18, 2))
                    from (select *, lag(close) over (partition by symbol order by session_date) as lag_close
                        from fct_daily_return) as day
                    inner join dim_corporate_action as action using (symbol)
                    where effective_date = session_date order by session_date desc, symbol, kind limit 4
                """).fetchall(),
            ),
            render_table(
                "Top movers of the last session",
                ["direction", "rank", "symbol", "close", "change %"],
                connection.sql("""
                    select direction, mover_rank, symbol, cast(close as decimal(18, 2)),
                        cast(price_change_pct as decimal(18, 2))
                    from screen_top_movers where mover_rank <= 3 order by direction desc, mover_rank
                """).fetchall(),
            ),
            render_table(
                "Refused lines, kept with their text",
                ["reasons", "lines"],
                connection.sql("""
                    select reasons, cast(sum(occurrences) as bigint)
                    from quarantined_record group by all order by 2 desc, 1
                """).fetchall(),
            ),
        ]
    return "\n\n".join([*blocks, _render_paths(folder)])


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.table(table).aggregate("count(*)").fetchone()
    return int(row[0]) if row else 0


def _render_paths(folder: object) -> str:
    return "\n".join(
        [
            f"Parquet    {folder}/warehouse/",
            "Query      make sql            (a DuckDB shell on the published tables)",
            "Answers    make answers        (five questions, each with a picture)",
            'One line   .venv/bin/python -m pipeline sql "select * from fct_price_change where is_anomaly"',
        ]
    )
