-- Tickets (documents) and value per owner and month; withdrawn documents do not count.
-- $1 known_at, $2 recorded_at, $3–$4 periods.
select
    entity, period,
    count(distinct document)::double precision as tickets,
    coalesce(sum(usd) filter (where flow = 'I'), 0) as in_usd,
    coalesce(sum(usd) filter (where flow = 'E'), 0) as out_usd
from ({asof_document:bonded_line}) line
where living
group by entity, period
