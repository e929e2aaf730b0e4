{% macro tested_from() %}
  {{ return(merge_floor() if execute and invocation_args_dict.get('selector') == 'intraday' else none) }}
{% endmacro %}
