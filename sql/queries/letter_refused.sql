-- Refused rows of a month that are a firm's last word on it in their form: no newer known file has anything of the
-- firm, the month and the form. $1 known_at, $2 recorded_at, $3 period.
with known as materialized (select * from reads.known($1, $2)),
identity as materialized (select * from reads.identity($1, $2)),
refused as materialized (
    select i.entity, f.feed as form, n.newness, q.file_id, q.sheet, q."row", q.field, q.rule, q.reason, q.raw
    from quarantine q
    join known n using (file_id)
    join file f using (file_id)
    join identity i using (subject)
    where q.period = $3 and q.rule <> 'period.future'
),
filed as (
    select s.form, i.entity, max(n.newness) as newest
    from (
        select file_id, subject, 'b204_1' as form from output_return where period = $3
        union all
        select file_id, subject, 'b203' from finance_return where period = $3
        union all
        select file_id, subject, 'self_report' from self_report where period = $3
        union all
        select file_id, subject, 'b204_detail' from output_detail where period = $3
    ) s
    join known n using (file_id)
    join identity i using (subject)
    group by s.form, i.entity
)
select r.entity, r.form, r.file_id, r.sheet, r."row", r.field, r.rule, r.reason, r.raw
from refused r
left join filed using (form, entity)
where r.newness = greatest(
    filed.newest, (select max(o.newness) from refused o where (o.form, o.entity) = (r.form, r.entity))
)
order by r.entity, r.form, r.sheet, r."row", r.field, r.rule
