-- Files known, and as what each is read, for a run's fingerprint and for what came or went between two times; `since`:
-- the earliest month a file speaks of. $1 known_at, $2 recorded_at.
select f.file_id, f.sha256, f.reading, f.feed, f.period, n.known_at, m.since
from file f
join reads.known($1, $2) n using (file_id)
left join (select file_id, min(period) as since from file_month group by file_id) m using (file_id)
order by f.sha256
