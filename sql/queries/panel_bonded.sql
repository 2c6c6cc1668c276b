-- Tickets (documents) and value per owner and month; withdrawn documents do not count. Floating-point sums are taken in
-- an order of their own, so that the order of loading changes no bit of them.
-- $1 known_at, $2 recorded_at, $3–$4 periods.
select
    entity, period,
    count(distinct document)::double precision as tickets,
    coalesce(sum(usd order by document, sheet, "row") filter (where flow = 'I'), 0) as in_usd,
    coalesce(sum(usd order by document, sheet, "row") filter (where flow = 'E'), 0) as out_usd
from ({asof_document:bonded_line:document}) line
where living
group by entity, period
