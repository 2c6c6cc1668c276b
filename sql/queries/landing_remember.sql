insert into landing_look (path, bytes, modified, changed, same_since, waiting_since, why)
values (:path, :bytes, :modified, :changed, :same_since, :waiting_since, :why)
on conflict (path) do update set
    bytes = excluded.bytes, modified = excluded.modified, changed = excluded.changed,
    same_since = excluded.same_since, waiting_since = excluded.waiting_since, why = excluded.why
