-- Imports and exports per firm, month, flow, supervision mode, partner and HS chapter, summed in the order of the file's
-- lines and given in an order of their own, so that sums over them do not depend on the order of loading.
-- $1 known_at, $2 recorded_at, $3–$4 periods.
select
    entity, period, flow, mode, partner, left(hs, 2) as chapter,
    sum(usd order by sheet, "row") as usd,
    sum(rmb order by sheet, "row") as rmb
from ({asof_vintage:trade_line}) line
group by entity, period, flow, mode, partner, left(hs, 2)
order by
    entity collate "C", period collate "C", flow, mode collate "C", partner collate "C", left(hs, 2) collate "C"
