-- All rows of a thing and period, from the newest file that has any. $1 known_at, $2 recorded_at, $3–$4 periods.
select *
from (
    select n.known_at, n.newness, f.*, max(n.newness) over (partition by f.thing, f.period) as newest
    from {table} f
    join reads.known($1, $2) n using (file_id)
    where f.period between $3 and $4
) resolved
where newness = newest
order by thing, period, file_id, sheet, "row"
