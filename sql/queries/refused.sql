-- Arrivals that were refused and not made readable by a decision, newest first. $1 known_at, $2 recorded_at.
select known_at, reasons from receipt
where state = 'refused' and known_at <= $1 and recorded_at <= $2
    and sha256 not in (select o.sha256 from reads.read_as($1, $2) o where o.file_id is not null)
order by receipt_id desc
