-- What readers outside the statistical channel were given, the newest where a month was issued again. $1 recorded_at.
select distinct on (g.period, g.indicator, g.entity_kind, g.entity, g.source)
    g.period, g.indicator, g.entity_kind, g.entity, g.source, g.value, g.state, g.coverage, g.groups, g.top2,
    g.hidden_groups, g.withheld
from given_value g
where g.recorded_at <= $1
order by g.period, g.indicator, g.entity_kind, g.entity, g.source, g.recorded_at desc, g.issue_id
