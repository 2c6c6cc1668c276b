-- Firm and month for which a feed has brought a row that was refused. $1 known_at, $2 recorded_at, $3–$4 periods.
with known as materialized (select * from reads.known($1, $2)),
identity as materialized (select * from reads.identity($1, $2))
select distinct i.entity, q.period, f.feed as form
from quarantine q
join known using (file_id)
join file f using (file_id)
join identity i using (subject)
where q.period between $3 and $4 and q.rule <> 'period.future'
union
select i.entity, s.period, s.form
from (
    select file_id, subject, period, 'b204_1' as form from output_return where subject like '%:%'
    union all
    select file_id, subject, period, 'b203' from finance_return where subject like '%:%'
    union all
    select file_id, subject, period, 'self_report' from self_report where subject like '%:%'
) s
join known using (file_id)
join identity i using (subject)
where s.period between $3 and $4
