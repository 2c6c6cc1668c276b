-- The lines that files of a month brought, and their control lines, by sheet: taken in, refused, totals. $1 period.
select l.file_id, l.sheet, l."row", l.total
from (
    select file_id, sheet, "row", false as total from {table}
    union
    select file_id, sheet, "row", false from quarantine
    union
    select file_id, sheet, "row", true from control_line
) l
join file f using (file_id)
where f.period = $1
