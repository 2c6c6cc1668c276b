-- Files known, and as what each is read, for a run's fingerprint and for what came or went between two times.
-- $1 known_at, $2 recorded_at.
select f.file_id, f.sha256, f.reading, f.feed, f.period, n.known_at
from file f
join reads.known($1, $2) n using (file_id)
order by f.sha256
