{% macro var_problem(value, rule) %}
  {%- set text = value | string -%}
  {%- if rule.type in ('integer', 'number') -%}
    {%- set is_of_type = (value is integer) if rule.type == 'integer' else (value is number and value is not boolean) -%}
    {%- if not is_of_type or not (rule.from <= value <= rule.to) -%}
      {{ return('choose ' ~ ('a whole number' if rule.type == 'integer' else 'a number') ~ ', ' ~ rule.from ~ ' to ' ~ rule.to) }}
    {%- endif -%}
  {%- elif rule.type == 'flag' -%}
    {%- if value is not boolean -%}{{ return('choose true or false') }}{%- endif -%}
  {%- elif rule.type == 'list' -%}
    {%- set wanted = 'choose a list of ' ~ (rule['values'] | join(', ') if 'values' in rule else rule.form) ~ ', each once' -%}
    {%- if value is string or value is mapping or value is not sequence -%}{{ return(wanted) }}{%- endif -%}
    {%- if value | unique(case_sensitive=true) | list | length != value | length or (rule.is_required and not value) -%}{{ return(wanted) }}{%- endif -%}
    {%- for item in value -%}
      {%- if 'values' in rule and (item not in rule['values'] or item is not integer) -%}{{ return(wanted) }}{%- endif -%}
      {%- if 'pattern' in rule and (item is not string or not modules.re.fullmatch(rule.pattern, item)) -%}{{ return(wanted) }}{%- endif -%}
    {%- endfor -%}
  {%- elif 'values' in rule -%}
    {%- if value not in rule['values'] -%}{{ return('choose ' ~ rule['values'] | join(', ')) }}{%- endif -%}
  {%- elif not (rule.can_be_empty and text == '') -%}
    {%- set problem = 'write ' ~ rule.form ~ (" or ''" if rule.can_be_empty else '') -%}
    {%- if not modules.re.fullmatch(rule.pattern, text) -%}{{ return(problem) }}{%- endif -%}
    {%- if rule.is_date -%}
      {%- set parts = (text.split(' ') | first).split('-') | map('int') | list -%}
      {%- set date = modules.datetime.date(parts[0], parts[1], 1) + modules.datetime.timedelta(days=parts[2] - 1) -%}
      {%- if date.month != parts[1] -%}{{ return(problem ~ ', a day that exists') }}{%- endif -%}
    {%- endif -%}
  {%- endif -%}
  {{ return('') }}
{% endmacro %}
