-- Verdicts of the runs that count, of whatever was ever raised in one of them: nothing else can make an alert.
-- $1 known_at, $2 recorded_at.
with counted as materialized (
    select run_id, period, known_at from reads.newest_run($1, $2)
),
raised as materialized (
    select distinct v.rule, v.entity_kind, v.entity, v.source
    from counted
    join verdict v using (run_id)
    where v.level >= 1
)
select c.run_id, c.period, c.known_at, v.rule, v.entity_kind, v.entity, v.source, v.level, v.evidence
from raised
cross join counted c
join verdict v using (run_id, rule, entity_kind, entity, source)
order by c.period, v.rule, v.entity_kind, v.entity, v.source
