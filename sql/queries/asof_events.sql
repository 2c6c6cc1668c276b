-- Every row that is known: events and parts of messages, none of which replaces another. $1 known_at, $2 recorded_at.
select n.known_at, f.*
from {table} f
join reads.known($1, $2) n using (file_id)
order by f.file_id, f.sheet, f."row"
