-- What was decided on each version of each rule last. $1 known_at, $2 recorded_at.
select distinct on (rule, version) rule, version, active, who, why, known_at, recorded_at
from rule_activation
where known_at <= $1 and recorded_at <= $2
order by rule, version, known_at desc, activation_id desc
