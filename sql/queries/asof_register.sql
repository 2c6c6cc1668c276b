-- One entry per firm, from the newest register that has it. $1 known_at, $2 recorded_at.
select n.known_at, e.*
from reads.register($1, $2) r
join register_entry e using (file_id, sheet, "row")
join reads.known($1, $2) n using (file_id)
order by e.subject
