-- What downloads of published customs statistics add up to, by month, place, flow and currency: of the newest file that
-- speaks of it in one breakdown, none of whose lines was refused, and that is no query of a few commodities only (it has
-- at least four fifths of the chapters that any file has). $1 known_at, $2 recorded_at, $3–$4 periods.
with line as (
    select
        f.file_id, n.newness, n.known_at, f.period, f.district, f.flow, c.currency, c.amount, f.sheet, f."row",
        left(f.hs, 2) as chapter, (f.partner = '', f.mode = '')::text as breakdown
    from trade_total f
    join reads.known($1, $2) n using (file_id)
    cross join lateral (values ('usd', f.usd), ('rmb', f.rmb)) c (currency, amount)
    where f.period between $3 and $4 and c.amount is not null
),
told as (
    select
        file_id, newness, known_at, period, district, flow, currency,
        sum(amount order by sheet, "row") as total,
        count(distinct chapter) as chapters, count(distinct breakdown) as breakdowns,
        exists (select from quarantine q where q.file_id = line.file_id) as short
    from line
    group by file_id, newness, known_at, period, district, flow, currency
),
whole as (
    select told.*, 5 * chapters >= 4 * max(chapters) over (partition by period, district, flow, currency) as enough
    from told
    where breakdowns = 1
)
select distinct on (period, district, flow, currency)
    period, district as place, flow, currency, total, short, known_at, file_id
from whole
where enough
order by period, district, flow, currency, newness desc
