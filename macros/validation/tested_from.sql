{#- The date from which a run of the selector intraday tests keys, or none for all dates, as at night. No run since the last
    release has merged below merge_floor: compute_merge_floor looks back to that release. -#}
{% macro tested_from() %}
  {{ return(merge_floor() if execute and invocation_args_dict.get('selector') == 'intraday' else none) }}
{% endmacro %}
