-- Lines of some contents as they are read now, without what identity withholds. $1 their sha256.
select f.sha256, f.rows_read - f.rejected as accepted, f.rejected
from file f
join reads.current_file using (file_id)
where f.sha256 = any($1)
