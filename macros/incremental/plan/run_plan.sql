{#- The plan that begin_run computed for this run, or {} outside a run (compile, docs, unit tests). It lives in dbt's graph, the
    one object that hooks and models share. A model that finds no plan consumes everything, which is right, only dearer.

    batch_id      the number of this run: one more than the newest record
    arrival_from  'YYYY-MM-DD HH': raw is read from this arrival hour on ('' is all of it)
    restates      true when raw is read again from an earlier point than what is new needs
    consumed      {model: the batch of its parents up to which it has consumed them}
    full          {model: why it consumes everything again}, of those that do
    fingerprints  {model: reference_fingerprint of this run}
    bounds        {scope: dates}, filled by date_bounds -#}
{% macro run_plan() %}
  {{ return(graph.get('tickerlake_plan', {}) if execute else {}) }}
{% endmacro %}
