-- What landed and has no receipt yet, oldest arrival first.
select l.path, l.sha256, l.bytes, l.known_at, l.feed, l.period, l.landed_at
from landed l
where not exists (
    select from receipt r where r.sha256 = l.sha256 and r.path = l.path and r.known_at = l.known_at
)
order by l.known_at, l.path
