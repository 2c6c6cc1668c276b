-- What a load starts from: the warehouse's origin, the last numbers given out, and its own recorded_at, which is later
-- than every earlier one, a decision's, a letter's, an alert's and an activation's too, even if the clock was set back.
select
    (select value from meta where key = 'origin') as origin,
    coalesce((select max(file_id) from file), 0) as file_id,
    coalesce((select max(receipt_id) from receipt), 0) as receipt_id,
    coalesce((select max(fix_id) from fix_decision), 0) as fix_id,
    coalesce((select max(withdrawal_id) from withdrawal), 0) as withdrawal_id,
    coalesce((select max(letter_id) from letter), 0) as letter_id,
    coalesce((select max(answer_id) from letter_answer), 0) as answer_id,
    coalesce((select max(event_id) from alert_event), 0) as event_id,
    greatest(
        clock_timestamp(),
        (select max(recorded_at) from receipt) + interval '1 microsecond',
        (select max(recorded_at) from withdrawal) + interval '1 microsecond',
        (select max(recorded_at) from fix_decision) + interval '1 microsecond',
        (select max(recorded_at) from letter) + interval '1 microsecond',
        (select max(recorded_at) from letter_answer) + interval '1 microsecond',
        (select max(recorded_at) from alert_event) + interval '1 microsecond',
        (select max(recorded_at) from silence) + interval '1 microsecond',
        (select max(recorded_at) from silence_end) + interval '1 microsecond',
        (select max(recorded_at) from rule_scorecard) + interval '1 microsecond',
        (select max(recorded_at) from rule_activation) + interval '1 microsecond'
    ) as recorded_at
