-- One point per series and period, from the newest file that has it. $1 known_at, $2 recorded_at.
select distinct on (f.series, f.period) n.known_at, f.*
from {table} f
join reads.known($1, $2) n using (file_id)
order by f.series, f.period, n.newness desc, f.sheet, f."row"
