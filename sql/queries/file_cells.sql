-- Where a file's fields stand, and the path it first came under.
select f.file_id, f.cells, p.path as file
from file f
join reads.file_path p using (file_id)
