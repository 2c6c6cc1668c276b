-- Accepted contents named by their sha256 or by the path of an arrival or its last part. $1 the name.
select sha256, min(path) as path, min(known_at) as known_at, max(file_id) as file_id
from receipt
where file_id is not null and (sha256 = $1 or path = $1 or right(path, length($1) + 1) = '/' || $1)
group by sha256
order by 1
