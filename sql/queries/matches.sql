-- Per source and subject, how it is matched. 'former' is a name that is not the entry's present one.
with called as materialized (
    select c.subject, min(c.entity) as entity, count(distinct c.entity) as firms, min(c.how) as how
    from reads.called(null, null) c
    group by c.subject
),
fact as (
    select file_id, subject from output_return
    union all
    select file_id, subject from finance_return
    union all
    select file_id, subject from self_report
    union all
    select file_id, subject from trade_line
    union all
    select file_id, subject from bonded_line where subject is not null
    union all
    select file_id, subject from declaration_line
    union all
    select file_id, subject from output_detail
    union all
    select file_id, subject from power_use
    union all
    select file_id, subject from rd_return
    union all
    select file_id, subject from authorisation
)
select
    f.feed as source, fact.subject, case when c.firms = 1 then c.entity end as entity,
    case when c.firms > 1 then 'ambiguous' when c.firms = 1 then c.how else 'unknown' end as how,
    e.name, count(*) as rows, count(distinct fact.file_id) as files
from fact
join file f using (file_id)
join reads.known(null, null) n using (file_id)
left join called c using (subject)
left join reads.register(null, null) r on c.firms = 1 and r.subject = c.entity
left join register_entry e on (e.file_id, e.sheet, e."row") = (r.file_id, r.sheet, r."row")
group by f.feed, fact.subject, c.firms, c.entity, c.how, e.name
order by f.feed, fact.subject
