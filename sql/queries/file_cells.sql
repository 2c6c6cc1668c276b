-- Where a file's fields stand, the path it first came under, and the decisions it was read by.
select f.file_id, f.cells, p.path as file, f.reading
from file f
join reads.file_path p using (file_id)
