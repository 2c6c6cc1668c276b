-- Imports and exports per firm and month, summed in the order of the file's lines; no row means no trade line.
-- $1 known_at, $2 recorded_at, $3–$4 periods.
select
    entity, period,
    sum(usd order by sheet, "row") filter (where flow = 'I') as import_usd,
    sum(usd order by sheet, "row") filter (where flow = 'E') as export_usd,
    sum(rmb order by sheet, "row") filter (where flow = 'I') as import_rmb,
    sum(rmb order by sheet, "row") filter (where flow = 'E') as export_rmb
from ({asof_vintage:trade_line}) line
group by entity, period
