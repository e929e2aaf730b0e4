{% macro forget_readmitted_lines() %}
  {%- if execute and is_incremental() and restates_raw() -%}
    delete from {{ this }}
    where {{ new_arrivals() }}
      and source_object || ' ' || line_sha256 not in (
        select source_object || ' ' || {{ sha256_text('line') }}
        from {{ ref('int_line__validated') }}
        where reasons <> ''
      )
  {%- endif -%}
{% endmacro %}
