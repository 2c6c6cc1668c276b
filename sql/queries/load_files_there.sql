-- Files of this call whose content was loaded before, as it stands or, where it cannot be read so, otherwise.
select distinct on (f.sha256) f.file_id, f.sha256, f.feed, f.form, f.period, f.rows_read, f.rejected
from file f
join arriving using (sha256)
order by f.sha256, f.reading
