{% macro var_rules() %}
  {%- set symbol, name = '[A-Z0-9][A-Z0-9.=^/-]{0,19}', '[a-z][a-z0-9_]*' -%}
  {%- set day, hour = '[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])', ' ([01][0-9]|2[0-3])' -%}
  {{ return({
    'anomaly_pct': {'type': 'number', 'from': 0, 'to': 1000000},
    'spike_bars': {'type': 'integer', 'from': 1, 'to': 1000},
    'spike_factor': {'type': 'number', 'from': 0.01, 'to': 1000000},
    'indicator_lookback': {'type': 'integer', 'from': 1, 'to': 10000},
    'relative_volume_sessions': {'type': 'integer', 'from': 1, 'to': 1000},
    'benchmark_symbol': {'type': 'text', 'pattern': symbol, 'form': 'a symbol'},
    'beta_sessions': {'type': 'integer', 'from': 2, 'to': 10000},
    'sessions_per_year': {'type': 'integer', 'from': 1, 'to': 366},
    'value_at_risk_sessions': {'type': 'integer', 'from': 2, 'to': 10000},
    'reconcile_price_pct': {'type': 'number', 'from': 0, 'to': 100},
    'reconcile_close_pct': {'type': 'number', 'from': 0, 'to': 100},
    'reconcile_volume_share': {'type': 'number', 'from': 0, 'to': 1},
    'reconcile_missing_minutes': {'type': 'integer', 'from': 0, 'to': 1440},
    'reconcile_restated_pct': {'type': 'number', 'from': 0, 'to': 100},
    'suspect_move_pct': {'type': 'number', 'from': 0, 'to': 1000000},
    'resample_minutes': {'type': 'list', 'values': [5, 15, 30, 60]},
    'late_arrival_hours': {'type': 'integer', 'from': 0, 'to': 87600},
    'reload_from': {'type': 'text', 'pattern': day ~ hour, 'form': 'YYYY-MM-DD HH', 'is_date': true, 'can_be_empty': true},
    'postpone_restatement': {'type': 'flag'},
    'raw_begins': {'type': 'text', 'pattern': day, 'form': 'YYYY-MM-DD', 'is_date': true},
    'as_of': {
      'type': 'text', 'pattern': day ~ hour ~ '(:[0-5][0-9]){2}', 'form': 'YYYY-MM-DD HH:MM:SS', 'is_date': true, 'can_be_empty': true},
    'lease_minutes': {'type': 'integer', 'from': 1, 'to': 10080},
    'release_days': {'type': 'integer', 'from': 1, 'to': 3650},
    'reader_hours': {'type': 'number', 'from': 0, 'to': 87600},
    'partition_grain': {'type': 'text', 'values': ['day', 'month', 'symbol_month']},
    'published_schema': {'type': 'text', 'pattern': name, 'form': 'a name of a-z 0-9 _'},
    'default_calendar': {'type': 'text', 'pattern': '[A-Z0-9/]+', 'form': 'a mic of the seed exchange'},
    'calendar_until': {'type': 'text', 'pattern': day, 'form': 'YYYY-MM-DD', 'is_date': true},
    'source_priority': {'type': 'list', 'pattern': name, 'form': 'names of sources', 'is_required': true}
  }) }}
{% endmacro %}
