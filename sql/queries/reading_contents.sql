-- Contents a decision on a form's headings may concern: files of some feeds, and what was refused. $1 feeds.
select distinct on (r.sha256) r.sha256, r.path, f.bytes
from receipt r
left join file f on f.sha256 = r.sha256
where f.feed = any($1) or f.sha256 is null
order by r.sha256, r.receipt_id
