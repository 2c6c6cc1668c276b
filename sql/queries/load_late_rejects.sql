select file_id, lines from reads.late_reject where file_id = any($1)
