select message_id, kind, period, reader, recipient, subject, body, state
from message
where message_id = :message_id and state in ('planned', 'sending')
for update skip locked
