{#- The plan that begin_run laid for this run, or {} outside a run (compile, docs, unit tests). It lives in dbt's graph, the
    one object that hooks and models share. A model that finds no plan consumes everything, which is right, only dearer.

    batch_id      the number of this run: one more than the newest record
    arrival_from  'YYYY-MM-DD HH': raw is read from this arrival hour on ('' is all of it)
    restates      true when raw is read again from an earlier point than what is new asks for
    consumed      {model: the batch up to which it has seen its parents}
    fingerprints  {model: reference_fingerprint of this run} -#}
{% macro run_plan() %}
  {{ return(graph.get('tickerlake_plan', {}) if execute else {}) }}
{% endmacro %}
