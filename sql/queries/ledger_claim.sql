select message_id, recipient, body, state, attempts, via, handing_over
from message
where message_id = :message_id
    and (state in ('planned', 'sending') or (state = 'deferred' and next_try_at <= :now))
