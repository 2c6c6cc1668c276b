-- One row per published figure, from the newest file that has it: a figure is a month, direction, commodity and whatever
-- else the download is broken down by, in one currency. $1 known_at, $2 recorded_at, $3–$4 periods.
select distinct on (f.period, f.flow, f.hs, f.partner, f.mode, f.district, f.usd is null) n.known_at, f.*
from {table} f
join reads.known($1, $2) n using (file_id)
where f.period between $3 and $4
order by
    f.period, f.flow, f.hs, f.partner, f.mode, f.district, f.usd is null,
    n.newness desc, f.sheet, f."row"
