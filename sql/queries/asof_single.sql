-- One row per firm and period, from the newest file that has them. $1 known_at, $2 recorded_at, $3–$4 periods.
-- Rows of one file that mean the same firm and month under different names count for nothing (duplicate.resolved).
-- Grouping what is unique anyway tells the planner so, counting newness downwards spares a second sort, and numbers of
-- firms sort in half the time of their codes, which all begin alike.
select distinct on (firm, period) *
from (
    select
        i.entity, i.firm, n.known_at, n.age, f.*,
        count(*) over (partition by i.firm, f.period, n.age) as same
    from {table} f
    join (
        select file_id, min(known_at) as known_at, min(-newness) as age from reads.known($1, $2) group by file_id
    ) n using (file_id)
    join (
        select subject, min(entity) as entity, dense_rank() over (order by min(entity)) as firm
        from reads.identity($1, $2)
        group by subject
    ) i using (subject)
    where f.period between $3 and $4
) resolved
where same = 1
order by firm, period, age
