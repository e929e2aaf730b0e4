{% macro bar_reasons() -%}
{%- set rules = bar_rules() | sort(attribute='reason') -%}
case
    {%- for rule in rules if rule.reason == 'not_json' %}
    when {{ rule.when }} then '{{ rule.reason }}'
    {%- endfor %}
    else substr(
      {%- for rule in rules if rule.reason != 'not_json' %}
      case when {% if rule.dataset %}dataset = '{{ rule.dataset }}' and {% endif %}({{ rule.when }}) then ',{{ rule.reason }}' else '' end{{ ' ||' if not loop.last }}
      {%- endfor %},
      2
    )
  end
{%- endmacro %}
