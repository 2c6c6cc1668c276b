-- Arrivals that were refused, newest first. $1 known_at, $2 recorded_at.
select known_at, reasons from receipt
where state = 'refused' and known_at <= $1 and recorded_at <= $2
order by receipt_id desc
