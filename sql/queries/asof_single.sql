-- One row per firm and period, from the newest file that has them. $1 known_at, $2 recorded_at, $3–$4 periods.
-- Rows of one file that mean the same firm and month under different names count for nothing (duplicate.resolved).
select distinct on (entity, period) *
from (
    select
        i.entity, n.known_at, n.newness, f.*,
        count(*) over (partition by i.entity, f.period, n.newness) as same
    from {table} f
    join reads.known($1, $2) n using (file_id)
    join reads.identity($1, $2) i using (subject)
    where f.period between $3 and $4
) resolved
where same = 1
order by entity, period, newness desc
