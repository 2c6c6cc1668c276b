-- What people did and found out, as known and recorded by then, in the order recorded. $1 known_at, $2 recorded_at.
select event_id, rule, entity_kind, entity, source, opened, period, kind, who, why, cause, known_at, recorded_at
from alert_event
where known_at <= $1 and recorded_at <= $2
order by event_id
