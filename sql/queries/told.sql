-- What mails told of alerts, or why they did not, by month. $1–$2 periods.
select t.period, t.reader, t.occasion, t.alert_id, t.part, t.level, t.message_id, t.reason, t.answer_by, t.planned_at,
    m.state
from told t
left join message m using (message_id)
where t.period between $1 and $2
order by t.period, t.planned_at, t.reader, t.occasion, t.alert_id, t.part
