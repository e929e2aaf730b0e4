{% macro bar_rules() %}
  {%- set symbol_malformed -%}
symbol is null or not {{ matches('symbol', '^[A-Z0-9][A-Z0-9.=^/-]{0,19}$') }}
  {%- endset -%}
  {%- set currency_malformed -%}
currency is null or not {{ matches('currency', '^[A-Z]{3}$') }}
  {%- endset -%}
  {%- set bar_start_in_future -%}
event_at > {{ add_units('received_at', 5, 'minute') }}
  {%- endset -%}
  {%- set session_date_in_future -%}
event_at > {{ add_units('received_at', 1, 'day') }}
  {%- endset -%}
  {{ return([
    {'number': 1, 'reason': 'not_json', 'when': "is_not_json", 'says': 'the line is not a JSON object'},
    {'number': 2, 'reason': 'schema_version_unknown', 'when': "schema_version is null or schema_version <> '1'", 'says': 'schema_version is not 1'},
    {'number': 3, 'reason': 'symbol_malformed', 'when': symbol_malformed, 'says': 'symbol is missing or has other characters than A-Z 0-9 . = ^ / -'},
    {'number': 4, 'reason': 'bar_interval_unknown', 'dataset': 'bars', 'when': "period is null or period not in ('1min', '5min', '15min', '30min', '60min')", 'says': 'bar_interval is not one of the accepted values'},
    {'number': 5, 'reason': 'source_unknown', 'when': "known_source is null", 'says': 'no row of seeds/source.csv has this source'},
    {'number': 6, 'reason': 'price_basis_unknown', 'when': "dataset <> 'corporate_actions' and (price_basis is null or price_basis not in ('raw', 'split_adjusted', 'total_return_adjusted'))", 'says': 'price_basis is not one of the accepted values'},
    {'number': 7, 'reason': 'currency_malformed', 'when': currency_malformed, 'says': 'currency is not three capital letters'},
    {'number': 8, 'reason': 'bar_start_malformed', 'dataset': 'bars', 'when': "event_at is null", 'says': 'bar_start is missing or not ISO 8601 in UTC'},
    {'number': 9, 'reason': 'bar_start_off_minute', 'dataset': 'bars', 'when': "event_at <> date_trunc('minute', event_at)", 'says': 'bar_start is not on a whole minute'},
    {'number': 10, 'reason': 'bar_start_in_future', 'dataset': 'bars', 'when': bar_start_in_future, 'says': 'bar_start is more than 5 minutes later than received_at'},
    {'number': 11, 'reason': 'bar_start_out_of_range', 'dataset': 'bars', 'when': "event_at < timestamp '1970-01-01 00:00:00' or event_at >= timestamp '2050-01-01 00:00:00'", 'says': 'bar_start is before 1970 or after 2049'},
    {'number': 12, 'reason': 'price_malformed', 'when': "dataset <> 'corporate_actions' and (open is null or high is null or low is null or close is null)", 'says': 'a price is missing or not a plain decimal'},
    {'number': 13, 'reason': 'price_not_positive', 'when': "open <= 0 or high <= 0 or low <= 0 or close <= 0", 'says': 'a price is zero or less'},
    {'number': 14, 'reason': 'volume_malformed', 'when': "dataset <> 'corporate_actions' and volume is null and (volume_text is not null or has_volume)", 'says': 'volume is not a plain decimal, or missing where the asset class has volume'},
    {'number': 15, 'reason': 'volume_negative', 'when': "volume < 0", 'says': 'volume is less than zero'},
    {'number': 16, 'reason': 'high_below_range', 'when': "high < open or high < close or high < low", 'says': 'high is less than open, close or low'},
    {'number': 17, 'reason': 'low_above_range', 'when': "low > open or low > close or low > high", 'says': 'low is greater than open, close or high'},
    {'number': 18, 'reason': 'lineage_malformed', 'when': "is_final is null or received_at is null or run_id is null or line_number is null", 'says': 'is_final, received_at, run_id or line_number is missing or not of its type'},
    {'number': 19, 'reason': 'session_date_malformed', 'dataset': 'daily_bars', 'when': "event_at is null", 'says': 'session_date is missing or no date'},
    {'number': 20, 'reason': 'session_date_in_future', 'dataset': 'daily_bars', 'when': session_date_in_future, 'says': 'session_date is later than the day after received_at'},
    {'number': 21, 'reason': 'session_date_out_of_range', 'dataset': 'daily_bars', 'when': "event_at < timestamp '1900-01-01 00:00:00' or event_at >= timestamp '2050-01-01 00:00:00'", 'says': 'session_date is before 1900 or after 2049'},
    {'number': 22, 'reason': 'adjusted_close_malformed', 'dataset': 'daily_bars', 'when': "adjusted_close <= 0 or (adjusted_close is null and adjusted_close_text is not null)", 'says': 'adjusted_close is not a plain decimal, or zero or less'},
    {'number': 23, 'reason': 'kind_unknown', 'dataset': 'corporate_actions', 'when': "period is null or period not in ('split', 'dividend')", 'says': 'kind is not split or dividend'},
    {'number': 24, 'reason': 'effective_date_malformed', 'dataset': 'corporate_actions', 'when': "event_at is null", 'says': 'effective_date is missing or no date'},
    {'number': 25, 'reason': 'ratio_malformed', 'dataset': 'corporate_actions', 'when': "period = 'split' and (ratio is null or ratio <= 0)", 'says': 'the ratio of a split is missing, no plain decimal, or zero or less'},
    {'number': 26, 'reason': 'amount_malformed', 'dataset': 'corporate_actions', 'when': "period = 'dividend' and (amount is null or amount < 0)", 'says': 'the amount of a dividend is missing, no plain decimal, or less than zero'},
  ]) }}
{% endmacro %}
