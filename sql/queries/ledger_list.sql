select recipient, kind, period, reader, occasion, subject, state, message_id, attempts, next_try_at, detail, trial, via,
    planned_at, state_at
from message
where (cast(:period as text) is null or period = :period)
    and (cast(:message_id as text) is null or message_id = :message_id)
order by period, kind, reader, occasion
