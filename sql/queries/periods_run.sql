-- Months with a run that counts. $1 known_at, $2 recorded_at.
select period from reads.newest_run($1, $2)
