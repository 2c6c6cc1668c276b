-- One approved figure per indicator, period and measure, from the newest file that has it. $1 known_at, $2 recorded_at.
select distinct on (f.indicator, f.period, f.measure) n.known_at, f.*
from {table} f
join reads.known($1, $2) n using (file_id)
order by f.indicator, f.period, f.measure, n.newness desc, f.sheet, f."row"
