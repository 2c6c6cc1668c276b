-- What was decided on something already, the newest by its own time last. $1 kind, $2 target.
select fix_id, kind, target, value, who, why, known_at, recorded_at
from fix_decision
where kind = $1 and target = $2
order by known_at, recorded_at
