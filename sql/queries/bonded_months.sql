-- Tickets and value through the centre per owner and month, by border, with what is of no certain border counted apart.
-- Parameters of bonded_bordered.
select
    entity, period,
    count(distinct document) as tickets,
    count(distinct document) filter (where border = 'abroad') as tickets_abroad,
    count(distinct document) filter (where border = 'domestic') as tickets_domestic,
    sum(usd order by document, sheet, "row", usd) filter (where flow = 'I' and border = 'abroad') as in_abroad_usd,
    sum(usd order by document, sheet, "row", usd) filter (where flow = 'E' and border = 'abroad') as out_abroad_usd,
    sum(usd order by document, sheet, "row", usd) filter (where flow = 'I' and border = 'domestic') as in_domestic_usd,
    sum(usd order by document, sheet, "row", usd) filter (where flow = 'E' and border = 'domestic') as out_domestic_usd,
    sum(usd order by document, sheet, "row", usd) filter (where border is null) as unclear_usd
from ({bonded_bordered:bonded_line}) line
group by entity, period
order by entity, period
