select message_id, kind, period, reader, occasion, recipient, trial, subject, body, state, attempts
from message
where message_id = :message_id
for update
