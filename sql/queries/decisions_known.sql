-- Withdrawals, decisions on identity and on rules, for a run's fingerprint. $1 known_at, $2 recorded_at.
select w.kind || ' ' || w.sha256 as words, f.period, f.feed, w.known_at
from withdrawal w
left join file f using (sha256)
where w.known_at <= $1 and w.recorded_at <= $2
union all
select 'identity ' || target || ' ' || value, null, null, known_at
from fix_decision
where kind = 'identity' and known_at <= $1 and recorded_at <= $2
union all
select 'rule ' || rule || ' ' || version || ' ' || active::text, null, null, known_at
from rule_activation
where known_at <= $1 and recorded_at <= $2
order by known_at, words
