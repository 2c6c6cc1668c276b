select message_id
from message
where state in ('planned', 'sending')
order by period, kind, reader, recipient
