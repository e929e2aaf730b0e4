{% macro definition_of(node) %}
  {%- set texts, nodes, macros = [], [node.unique_id], [] -%}
  {#- both lists grow while they are read -#}
  {%- for id in nodes -%}
    {%- set part = graph.nodes[id] -%}
    {%- do texts.append(without_comments(part.raw_code)) -%}
    {%- for column in part.columns.values() -%}{%- do texts.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {%- do macros.extend(part.depends_on.macros) -%}
    {%- for parent in part.depends_on.nodes if parent not in nodes and parent in graph.nodes -%}
      {%- set is_read_as_it_is = graph.nodes[parent].resource_type == 'model' and graph.nodes[parent].config.meta.consumes is not defined -%}
      {%- if is_read_as_it_is -%}{%- do nodes.append(parent) -%}{%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {#- the models share most macros: the text of each is read once in a run -#}
  {%- set known, seen = graph.setdefault('tickerlake_macro_texts', {}), [] -%}
  {%- for id in macros if id not in seen and id.startswith('macro.' ~ project_name ~ '.') -%}
    {%- set macro = context[id.split('.') | last].macro -%}
    {%- do seen.append(id) -%}
    {%- if id not in known -%}{%- do known.update({id: without_comments(macro.macro_sql)}) -%}{%- endif -%}
    {%- do texts.append(known[id]) -%}
    {%- do macros.extend(macro.depends_on.macros) -%}
  {%- endfor -%}
  {{ return(texts | sort | join('\n')) }}
{% endmacro %}
