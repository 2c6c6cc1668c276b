-- Every known row of a form for some months, the superseded ones too. $1 known_at, $2 recorded_at, $3–$4 periods.
select i.entity, n.known_at, f.*
from {table} f
join reads.known($1, $2) n using (file_id)
join reads.identity($1, $2) i using (subject)
where f.period between $3 and $4
