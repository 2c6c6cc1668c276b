-- Imports and exports per firm and month; no row means no trade line. $1 known_at, $2 recorded_at, $3–$4 periods.
select
    entity, period,
    sum(usd) filter (where flow = 'I') as import_usd,
    sum(usd) filter (where flow = 'E') as export_usd,
    sum(rmb) filter (where flow = 'I') as import_rmb,
    sum(rmb) filter (where flow = 'E') as export_rmb
from ({asof_many:trade_line}) line
group by entity, period
