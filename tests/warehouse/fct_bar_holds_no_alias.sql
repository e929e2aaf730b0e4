{{ config(
  severity='error',
  description="A series stored under a vendor's spelling became an alias: its rows lie under the old symbol. Run `python -m pipeline build --full-refresh`."
) }}

select series.symbol
from {{ ref('dim_series') }} as series
inner join {{ ref('symbol_alias') }} as alias on alias.vendor_symbol = series.symbol
where alias.symbol <> series.symbol
