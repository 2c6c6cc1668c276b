-- Every decision in the order recorded.
select fix_id as id, kind, target, value, who, why, known_at, recorded_at
from fix_decision
union all
select withdrawal_id, kind, sha256, '', who, why, known_at, recorded_at
from withdrawal
order by recorded_at, id
