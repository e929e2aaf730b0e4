{% macro publish(selected=[]) %}
  {%- if var('as_of') -%}{{ exceptions.raise_compiler_error("var as_of is for looking back: it is not published") }}{%- endif -%}
  {%- set schema = api.Relation.create(database=warehouse_database(), schema=env_var('TICKERLAKE_PUBLISHED_SCHEMA', var('published_schema'))) -%}
  {%- set records, untested = read_records(), [] -%}
  {%- for name, node in protocol_models().items() if selected and node.unique_id not in selected -%}
    {%- if records.get(name, {}).get('record_id', 0) > records.get('release', {}).get('record_id', 0) -%}{%- do untested.append(name) -%}{%- endif -%}
  {%- endfor -%}
  {{ print('untested=' ~ untested | sort | join(', ')) }}
  {%- if untested -%}{{ return('') }}{%- endif -%}
  {%- do adapter.create_schema(schema) -%}
  {%- set batch, marts, tables, released = published_batch(records), [], [], [] -%}
  {%- for node in graph.nodes.values() | sort(attribute='name') if node.resource_type == 'model' and node.config.access == 'public' -%}
    {%- set mart = node_relation(node) -%}
    {%- do marts.append((mart, node.columns)) -%}
    {%- if node.config.materialized == 'incremental' -%}{%- do tables.append(mart) -%}{%- endif -%}
  {%- endfor -%}
  {%- set versions = table_versions(tables) -%}
  {%- for mart, columns in marts -%}
    {%- set view = api.Relation.create(database=schema.database, schema=schema.schema, identifier=mart.identifier) -%}
    {%- do run_query(published_view(view, mart, columns, versions.get(mart.identifier))) -%}
    {%- do released.append(mart.identifier ~ '=' ~ (versions.get(mart.identifier) or 'live')) -%}
  {%- endfor -%}
  {%- set release = audit_relation('release') -%}
  {%- do run_query(create_audit_table(release, {
    'release_id': 'bigint', 'released_at': 'timestamp', 'invocation_id': 'text', 'versions': 'text'})) -%}
  {%- set release_record -%}
    insert into {{ release }}
    select coalesce(max(release_id), 0) + 1, {{ current_utc() }}, '{{ invocation_id }}', '{{ released | join(',') }}' from {{ release }}
  {%- endset -%}
  {%- do run_query(release_record) -%}
  {%- do run_query(insert_records([{'model': 'release', 'batch_id': batch, 'arrival_until': '', 'fingerprint': ''}])) -%}
{% endmacro %}
