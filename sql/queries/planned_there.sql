-- $1 kind, $2 period, $3 run_id.
select exists (select from planned where kind = $1 and period = $2 and run_id = $3) as there
