-- What every rule said of every known file. $1 known_at, $2 recorded_at, $3–$4 periods ('' of no single month).
select f.file_id, f.sha256, f.reading, f.feed, f.form, coalesce(f.period, '') as period, f.rows_read, n.known_at,
    v.fact_table, v.rule, v.field, v.severity, v.reason, v.evaluated, v.unexpected, v.places
from verdict_summary v
join file f using (file_id)
join reads.known($1, $2) n using (file_id)
where coalesce(f.period, '') between $3 and $4
order by n.newness, v.fact_table, v.rule
