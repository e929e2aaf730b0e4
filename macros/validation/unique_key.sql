{% test unique_key(model, columns, date_column=none) %}
{{ doubled_keys(model, columns, date_column, tested_from() if date_column else none, batch_id()) }}
{% endtest %}
