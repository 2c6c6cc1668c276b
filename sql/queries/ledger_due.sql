select message_id
from message
where state in ('planned', 'sending') or (state = 'deferred' and next_try_at <= :now)
order by period, kind, reader, occasion
