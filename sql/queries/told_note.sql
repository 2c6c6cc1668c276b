insert into told (period, reader, occasion, alert_id, part, level, message_id, reason, answer_by, planned_at)
values (:period, :reader, :occasion, :alert_id, :part, :level, :message_id, :reason, :answer_by, :planned_at)
on conflict do nothing
