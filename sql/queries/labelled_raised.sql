-- Of alerts that were verified, those that some run raised in the month they are named by, whether it counts or not.
-- $1 recorded_at.
select distinct e.rule, e.entity_kind, e.entity, e.source, e.opened
from alert_event e
join run r on r.period = e.opened
join verdict v on (v.run_id, v.rule, v.entity_kind, v.entity, v.source)
    = (r.run_id, e.rule, e.entity_kind, e.entity, e.source)
where e.kind in ('true', 'false', 'explained') and v.level >= 1 and e.recorded_at <= $1 and r.recorded_at <= $1
order by 1, 2, 3, 4, 5
