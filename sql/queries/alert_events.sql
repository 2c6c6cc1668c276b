-- What people did, in the order they did it. $1 recorded_at.
select event_id, rule, entity_kind, entity, source, period, kind, who, why, recorded_at
from alert_event
where recorded_at <= $1
order by event_id
