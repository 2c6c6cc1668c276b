-- Earlier months that files of a month speak of as well. $1 the month, $2 feeds.
select distinct m.period
from file f
join reads.known(null, null) n using (file_id)
join file_month m using (file_id)
where f.period = $1 and f.feed = any($2) and m.period < $1
order by m.period
