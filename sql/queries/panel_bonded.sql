-- Tickets (documents) and value per owner and month; documents that do not live do not count. Floating-point sums are taken
-- in an order of their own, so that the order of loading changes no bit of them. Value by border: what crosses neither
-- border for certain is in in_usd and out_usd alone. Parameters of bonded_bordered.
select
    entity, period,
    count(distinct document)::double precision as tickets,
    count(distinct document) filter (where border = 'abroad')::double precision as tickets_abroad,
    count(distinct document) filter (where border = 'domestic')::double precision as tickets_domestic,
    coalesce(sum(usd order by document, sheet, "row", usd) filter (where flow = 'I'), 0) as in_usd,
    coalesce(sum(usd order by document, sheet, "row", usd) filter (where flow = 'E'), 0) as out_usd,
    coalesce(sum(usd order by document, sheet, "row", usd) filter (where flow = 'I' and border = 'abroad'), 0)
        as in_abroad_usd,
    coalesce(sum(usd order by document, sheet, "row", usd) filter (where flow = 'E' and border = 'abroad'), 0)
        as out_abroad_usd,
    coalesce(sum(usd order by document, sheet, "row", usd) filter (where flow = 'I' and border = 'domestic'), 0)
        as in_domestic_usd,
    coalesce(sum(usd order by document, sheet, "row", usd) filter (where flow = 'E' and border = 'domestic'), 0)
        as out_domestic_usd
from ({bonded_bordered:bonded_line}) line
group by entity, period
