insert into message (message_id, kind, period, reader, recipient, subject, body, state, planned_at, state_at)
values (:message_id, :kind, :period, :reader, :recipient, :subject, :body, 'planned', :now, :now)
on conflict (kind, period, reader, recipient) do nothing
returning message_id
