-- Every submitted draft, newest last, with what came of it (null: it waits). $1 period.
select
    i.issue_id, i.period, i.reader, s.who, s.at,
    (
        select d.kind from draft_event d
        where d.issue_id = i.issue_id and d.event_id > s.event_id
        order by d.event_id limit 1
    ) as outcome
from draft_event s
join issue i using (issue_id)
where s.kind = 'submitted' and i.period = $1
order by s.event_id
