-- A change and its line in the history are one statement. Nothing happens unless the message stands as the caller saw
-- it: in that state, at that try.
with changed as (
    update message
    set state = :state, state_at = :now, detail = :detail, attempts = :attempts, via = coalesce(:via, via),
        handing_over = :handing_over, next_try_at = cast(:next_try_at as timestamptz)
    where message_id = :message_id and state = :was and attempts = :was_attempts
    returning message_id
)
insert into message_event (message_id, at, state, who, detail)
select message_id, :now, :state, :who, :detail from changed
returning message_id
