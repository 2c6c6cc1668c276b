insert into fetched (server, path, bytes, modified, sha256, name)
values (:server, :path, :bytes, :modified, :sha256, :name)
on conflict (server, path, bytes, modified) do nothing
