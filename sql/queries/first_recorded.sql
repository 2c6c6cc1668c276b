-- When this installation took in its first file.
select min(recorded_at) as recorded_at from receipt
