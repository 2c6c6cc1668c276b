-- Of arrivals and of decisions, which change what is read as arrivals do.
select greatest(
    (select max(recorded_at) from receipt),
    (select max(recorded_at) from withdrawal),
    (select max(recorded_at) from fix_decision),
    (select max(recorded_at) from rule_activation)
) as recorded_at
