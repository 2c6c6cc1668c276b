-- When each month was first spoken of by a file of a feed, of the files known. $1 feed, $2 known_at.
select m.period, min(n.known_at) as known_at
from file f
join reads.known($2, null) n using (file_id)
join file_month m using (file_id)
where f.feed = $1
group by m.period
