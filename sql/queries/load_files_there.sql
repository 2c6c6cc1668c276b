-- Files of this call whose content was loaded before.
select f.file_id, f.sha256, f.feed, f.form, f.period, f.rows_read, f.rejected
from file f
join arriving using (sha256)
