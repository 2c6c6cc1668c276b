-- Figures of the runs that count. $1–$2 periods, $3 known_at, $4 recorded_at.
select
    n.run_id, n.period, n.known_at, v.indicator, v.entity_kind, v.entity, v.source, v.value, v.state, v.coverage,
    v.groups, v.top2, v.hidden_groups
from reads.newest_run($3, $4) n
join reads.indicator_value v using (run_id)
where n.period between $1 and $2
order by n.period, v.indicator, v.entity_kind, v.entity, v.source
