with planned as (
    insert into message (message_id, kind, period, reader, occasion, recipient, trial, subject, body, state, detail,
        planned_at, state_at)
    select :message_id, :kind, :period, :reader, :occasion, :recipient, :trial, :subject, :body, :state, :detail,
        :now, :now
    -- The regular mail is not for those who had one of this month on an explicit occasion already.
    where :occasion <> '' or not exists (
        select from message where kind = :kind and period = :period and reader = :reader
    )
    on conflict (kind, period, reader, occasion) do nothing
    returning message_id
)
insert into message_event (message_id, at, state, who, detail)
select message_id, :now, :state, :who, :detail from planned
returning message_id
