-- All rows of a firm, period and kind, from the newest file that has any: classes and products come in lists of their
-- own, and neither displaces the other. $1 known_at, $2 recorded_at, $3–$4 periods.
select *
from (
    select
        i.entity, n.known_at, n.newness, f.*,
        max(n.newness) over (partition by i.entity, f.period, f.kind) as newest
    from {table} f
    join reads.known($1, $2) n using (file_id)
    join reads.identity($1, $2) i using (subject)
    where f.period between $3 and $4
) resolved
where newness = newest
