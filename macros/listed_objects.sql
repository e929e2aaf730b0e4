{% macro listed_objects(dataset) -%}
select regexp_extract(file, '{{ dataset }}/dt=[0-9]{4}-[0-9]{2}-[0-9]{2}/hr=([01][0-9]|2[0-3])/[^/]+$') as source_object
from glob({{ quote_text(raw_folder(is_pattern=true) ~ dataset ~ '/dt=*/hr=*/*.ndjson.gz') }})
where source_object <> ''
{%- endmacro %}
