select r.file, r.sheet, r."row", r.field, r.rule, r.reason, r.subject, r.period, d.fix_id as decision, d.kind, d.target,
    d.value, d.who, d.why, d.known_at
from reads.released r
join fix_decision d using (fix_id)
order by r.file, r.sheet, r."row", r.field, r.rule
