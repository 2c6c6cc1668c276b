insert into issue (issue_id, period, reader, known_at, recorded_at, files, counts)
values (:issue_id, :period, :reader, :known_at, :recorded_at, :files, :counts)
on conflict (issue_id) do nothing
