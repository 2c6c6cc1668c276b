-- Withdrawals, decisions on identity and on rules, for a run's fingerprint; `arrived`: when the withdrawn content became
-- known, if it has by then. $1 known_at, $2 recorded_at.
select w.kind || ' ' || w.sha256 as words, f.period, f.feed, w.known_at, arrival.arrived
from withdrawal w
left join file f using (sha256)
left join lateral (
    select min(r.known_at) as arrived
    from receipt r
    where r.file_id = f.file_id and r.state in ('accepted', 'duplicate') and r.known_at <= $1 and r.recorded_at <= $2
) arrival on true
where w.known_at <= $1 and w.recorded_at <= $2
union all
select 'identity ' || target || ' ' || value, null, null, known_at, null
from fix_decision
where kind = 'identity' and known_at <= $1 and recorded_at <= $2
union all
select 'rule ' || rule || ' ' || version || ' ' || active::text, null, null, known_at, null
from rule_activation
where known_at <= $1 and recorded_at <= $2
order by known_at, words
