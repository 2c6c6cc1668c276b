-- Of some contents: as what they were read (known_at null), and the entries that say from when on. $1 their sha256.
select f.sha256, f.reading, f.file_id, null::timestamptz as known_at, null::timestamptz as recorded_at
from file f
where f.sha256 = any($1)
union all
select o.sha256, '', o.file_id, o.known_at, o.recorded_at
from reading o
where o.sha256 = any($1)
order by sha256, recorded_at nulls first
