-- What a load starts from: the warehouse's origin, the last numbers given out, and its own recorded_at, which is later
-- than every earlier one even if the clock was set back.
select
    (select value from meta where key = 'origin') as origin,
    coalesce((select max(file_id) from file), 0) as file_id,
    coalesce((select max(receipt_id) from receipt), 0) as receipt_id,
    greatest(clock_timestamp(), (select max(recorded_at) from receipt) + interval '1 microsecond') as recorded_at
