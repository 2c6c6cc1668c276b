-- One row per firm and period, from the newest file that has them. $1 known_at, $2 recorded_at, $3–$4 periods.
-- Rows of one file that mean the same firm and month under different names count for nothing (duplicate.resolved).
-- Grouping what is unique anyway tells the planner so, counting newness downwards spares a second sort, and numbers of
-- firms sort in half the time of their codes, which all begin alike.
-- A field that a file did not deliver (file_lack) is the newest file's that did: of the few firms and months of which
-- one known file lacks what another has, fields are picked one by one, and borrowed says of which the row is another:
-- field → file, sheet, row. Where no file lacks anything that is a look at an empty list.
with lack as materialized (
    select l.file_id, l.sheet, l.fields
    from file_lack l
    join reads.known($1, $2) n using (file_id)
),
again as materialized (
    select f.period
    from {table} f
    where f.period between $3 and $4 and exists (select from lack)
    group by f.period
    having min(f.file_id) <> max(f.file_id)
),
touched as materialized (
    select distinct i.entity, f.period
    from lack
    join {table} f using (file_id, sheet)
    join again using (period)
    join reads.identity($1, $2) i using (subject)
),
filed as materialized (
    select
        i.entity, n.known_at, -n.newness as age, f.period, f as fact, coalesce(lack.fields, '{}') as fields,
        count(*) over (partition by i.entity, f.period, n.newness) as same,
        min(coalesce(lack.fields, '{}')) over unit <> max(coalesce(lack.fields, '{}')) over unit as differ
    from touched
    join reads.identity($1, $2) i using (entity)
    join {table} f using (subject, period)
    join reads.known($1, $2) n using (file_id)
    left join lack using (file_id, sheet)
    where f.period in (select period from touched)
    window unit as (partition by i.entity, f.period)
),
picked as materialized (
    select distinct on (entity, period, field)
        entity, period, known_at, age, field, value, (fact).file_id, (fact).sheet, (fact)."row"
    from filed
    cross join lateral jsonb_each(to_jsonb(fact) - fields) one (field, value)
    where same = 1 and differ
    order by entity, period, field, age
),
pieced as materialized (
    select
        entity, min(age) as age, jsonb_object_agg(field, value) as said,
        (array_agg(known_at order by age))[1] as known_at,
        jsonb_object_agg(field, jsonb_build_array(file_id, sheet, "row")) filter (where lent) as borrowed
    from (select *, age > min(age) over (partition by entity, period) as lent from picked) each_field
    group by entity, period
    having bool_or(lent)
)
select whole.*, null::text as borrowed
from (
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
) whole
where case when exists (select from pieced) then
    (whole.entity, whole.period) not in (select p.entity, p.said ->> 'period' from pieced p)
else true end
union all
select p.entity, null, p.known_at, p.age, f.*, 1, p.borrowed::text
from pieced p
cross join lateral jsonb_populate_record(null::{table}, p.said) f
