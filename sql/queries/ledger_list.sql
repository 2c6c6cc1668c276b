select message_id, kind, period, reader, recipient, subject, state, planned_at, state_at, detail
from message
where (cast(:period as text) is null or period = :period)
order by period, kind, reader, recipient
