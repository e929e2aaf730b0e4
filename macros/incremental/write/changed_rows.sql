{% macro changed_rows(relation, stored_rows='true', replaces='false') -%}
{%- set columns = versioned_columns() -%}
{%- set is_new -%}stored.{{ columns.key | first }} is null{%- endset -%}
select
  {{ columns_of(relation, columns.key + columns.content + columns.lineage) }}
  {%- if columns.version %},
  case
    when {{ is_new }} or {{ is_different(relation, 'stored', columns.content) }} then {{ batch_id() }}
    else stored.batch_id
  end as batch_id
  {%- endif %}
from {{ relation }}
left join {{ this }} as stored
  on {{ is_same_key('stored', relation, columns.key) }}
  and {{ stored_rows }}
where case
  -- an or would not do: Athena may compare versions before it checks whether one is stored, and fails on their NULLs
  when {{ is_new }} then true
  {%- if columns.version %}
  when not ({{ replaces }}) and ({{ columns_of(relation, columns.version) }}) < ({{ columns_of('stored', columns.version) }}) then false
  {%- endif %}
  -- equal versions differ when reference data or a definition has changed
  else {{ is_different(relation, 'stored', columns.content + columns.lineage) }}
end
{%- endmacro %}
