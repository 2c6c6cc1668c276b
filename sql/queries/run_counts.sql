-- $1 run_id.
select
    (select count(*) from reads.indicator_value where run_id = $1) as values,
    (select count(*) from verdict where run_id = $1) as verdicts
