insert into given_value (
    issue_id, indicator, entity_kind, entity, source, period, value, state, coverage, groups, top2, hidden_groups, withheld
)
values (
    :issue_id, :indicator, :entity_kind, :entity, :source, :period, :value, :state, :coverage, :groups, :top2,
    :hidden_groups, :withheld
)
on conflict do nothing
