select
    receipt_id, file, sha256, file_id, feed, form, period, known_at, recorded_at, rows_read, accepted, rejected, state,
    reasons
from reads.receipt
order by receipt_id
