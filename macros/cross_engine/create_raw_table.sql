{% macro create_raw_table(dataset) %}{{ return(adapter.dispatch('create_raw_table')(dataset)) }}{% endmacro %}

{% macro default__create_raw_table(dataset) %}{{ unsupported_engine('create_raw_table') }}{% endmacro %}

{% macro duckdb__create_raw_table(dataset) %}{% endmacro %}

{% macro athena__create_raw_table(dataset) %}
  {%- set table = api.Relation.create(database=target.database, schema=target.schema ~ '_raw', identifier=dataset) -%}
  {%- set location = 's3://' ~ env_var('TICKERLAKE_RAW_BUCKET') ~ '/raw/' ~ dataset ~ '/' -%}
  {%- do adapter.create_schema(table) -%}
  {%- set raw_table -%}
    create external table if not exists `{{ table.schema }}`.`{{ table.identifier }}` (line string)
    partitioned by (dt string)
    row format serde 'org.apache.hadoop.hive.serde2.RegexSerDe' with serdeproperties ('input.regex' = '^(.*)$')
    location '{{ location }}'
    tblproperties (
      'projection.enabled' = 'true',
      'projection.dt.type' = 'date',
      'projection.dt.format' = 'yyyy-MM-dd',
      'projection.dt.range' = '{{ var("raw_begins") }},NOW+1DAYS',
      'projection.dt.interval' = '1',
      'projection.dt.interval.unit' = 'DAYS',
      'storage.location.template' = '{{ location }}dt=${dt}/'
    )
  {%- endset -%}
  {%- do run_query(raw_table) -%}
{% endmacro %}
