-- Contents named by their sha256 or by the path of an arrival or its last part. $1 the name, $2 whether refused ones too.
select r.sha256, min(r.path) as path, min(r.known_at) as known_at, min(f.feed) as feed
from receipt r
left join file f on f.sha256 = r.sha256
where (r.file_id is not null or $2) and (r.sha256 = $1 or r.path = $1 or right(r.path, length($1) + 1) = '/' || $1)
group by r.sha256
order by 1
