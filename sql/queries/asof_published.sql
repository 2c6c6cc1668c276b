-- One published total per month, place and item, from the newest file that has it. $1 known_at, $2 recorded_at,
-- $3–$4 periods.
select distinct on (f.period, f.place, f.item) n.known_at, f.*
from {table} f
join reads.known($1, $2) n using (file_id)
where f.period between $3 and $4
order by f.period, f.place, f.item, n.newness desc, f.sheet, f."row"
