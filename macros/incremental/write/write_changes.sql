{% macro write_changes(relation, stored_rows='true', replaces='false') -%}
  {%- set columns = versioned_columns() -%}
  {%- if is_incremental() -%}
{{ changed_rows(relation, stored_rows, replaces) }}
  {%- else -%}
select
  {{ columns_of(relation, columns.key + columns.content + columns.lineage) }}
  {%- if columns.version %},
  {{ batch_id() }} as batch_id
  {%- endif %}
from {{ relation }}
  {%- endif -%}
{%- endmacro %}
