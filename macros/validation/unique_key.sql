{#- Data test: no two rows agree on the columns, and none of these is NULL. Returns the keys that do, with their number of rows.

    Where `date_column` names a date column, an intraday run tests only what changed since the last release: see tested_from. -#}
{% test unique_key(model, columns, date_column=none) %}
{{ doubled_keys(model, columns, date_column, tested_from() if date_column else none, batch_id()) }}
{% endtest %}
