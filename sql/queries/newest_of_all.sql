-- The newest recorded_at of anything a briefing is made from.
select greatest(
    (select max(recorded_at) from receipt),
    (select max(recorded_at) from withdrawal),
    (select max(recorded_at) from fix_decision),
    (select max(recorded_at) from rule_activation),
    (select max(recorded_at) from run),
    (select max(recorded_at) from alert_event),
    (select max(recorded_at) from letter),
    (select max(recorded_at) from letter_answer),
    (select max(recorded_at) from silence),
    (select max(recorded_at) from silence_end),
    (select max(recorded_at) from given_value)
) as recorded_at
