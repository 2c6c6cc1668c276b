-- Contents a decision on a feed's headings may concern: files of the feed, and what was refused. $1 feed.
select distinct on (r.sha256) r.sha256, r.path, f.bytes
from receipt r
left join file f on f.sha256 = r.sha256
where f.feed = $1 or f.sha256 is null
order by r.sha256, r.receipt_id
