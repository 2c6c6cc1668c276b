select issue_id, period, reader, known_at, recorded_at, files, counts from issue where issue_id = :issue_id
