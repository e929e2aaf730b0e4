select series.symbol
from {{ ref('dim_series') }} as series
inner join {{ ref('symbol_alias') }} as alias on alias.vendor_symbol = series.symbol
where alias.symbol <> series.symbol
