-- Verdicts of the runs that count. $1–$2 periods, $3 known_at, $4 recorded_at.
select n.run_id, n.period, n.known_at, v.rule, v.entity_kind, v.entity, v.source, v.level, v.evidence
from reads.newest_run($3, $4) n
join verdict v using (run_id)
where n.period between $1 and $2
order by n.period, v.rule, v.entity_kind, v.entity, v.source
