insert into landed (path, bytes, modified, sha256, known_at, feed, period)
values (:path, :bytes, :modified, :sha256, :known_at, :feed, :period)
on conflict (path, bytes, modified, sha256) do nothing
