select file, sha256, file_id, sheet, "row", field, rule, reason, raw, feed, subject, period
from reads.quarantine
order by file, file_id, sheet, "row", field, rule
