-- The figures of runs, a row each, out of the arrays they are stored in.
create view reads.indicator_value as
select
    b.run_id, b.indicator, b.entity_kind, one.entity, b.source,
    nullif(one.value, 'NaN') as value,
    (array['value', 'expected-absent', 'late', 'withheld', 'failed'])[one.state + 1] as state,
    case when b.coverage is null then own.there else nullif(one.coverage, 'NaN') end as coverage,
    case when b.groups is null then own.there::integer else one.groups end as groups,
    case when b.top2 is null then nullif(own.there, 0) else nullif(one.top2, 'NaN') end as top2,
    one.hidden_groups
from public.indicator_block b
join public.indicator_entities l using (run_id, list)
cross join lateral unnest(l.entities, b.value, b.state, b.coverage, b.groups, b.top2, b.hidden_groups)
    as one (entity, value, state, coverage, groups, top2, hidden_groups)
cross join lateral (select (one.value <> 'NaN')::integer::double precision as there) own
where one.state >= 0;
