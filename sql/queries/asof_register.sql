-- One entry per firm, from the newest register that has it. $1 known_at, $2 recorded_at. What its sheet has no column for
-- stands as the newest register says that has one.
select n.known_at, entry.*
from reads.register($1, $2) r
join register_entry e using (file_id, sheet, "row")
join reads.known($1, $2) n using (file_id)
left join (
    select subject, jsonb_object_agg(field, value) as said from reads.lent($1, $2, null) group by subject
) l on l.subject = e.subject
cross join lateral jsonb_populate_record(e, coalesce(l.said, '{}')) entry
order by entry.subject
