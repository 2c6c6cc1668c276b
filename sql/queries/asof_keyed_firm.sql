-- All rows of a thing and period with the firm it concerns, null where the register does not know it: a project or an
-- appeal counts whoever owns it. $1 known_at, $2 recorded_at, $3–$4 periods.
select i.entity, resolved.*
from (
    select n.known_at, n.newness, f.*, max(n.newness) over (partition by f.thing, f.period) as newest
    from {table} f
    join reads.known($1, $2) n using (file_id)
    where f.period between $3 and $4
) resolved
left join reads.identity($1, $2) i using (subject)
where resolved.newness = resolved.newest
order by resolved.thing, resolved.period, resolved.file_id, resolved.sheet, resolved."row"
