select alert_id, rule, entity_kind, entity, source, level, state, opened, period, closed, evidence
from alert
order by opened, alert_id
