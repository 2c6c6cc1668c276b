select message_id, at, message_event.state, who, message_event.detail, kind, period, reader, occasion
from message_event
join message using (message_id)
order by event_id
