-- Lines rejected as of now, by content.
select f.sha256, f.rejected + coalesce(late.lines, 0)::integer as rejected
from file f
join reads.current_file using (file_id)
left join reads.late_reject late using (file_id)
