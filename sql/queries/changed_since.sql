-- Months whose run that counts was recorded before a file of theirs was, or before somebody decided on a file or firm of
-- theirs, the earliest first. A file's are its own month and, of some feeds ($1), every month it speaks of.
with spoken as (
    select f.sha256, min(m.period) as period, min(f.feed) as feed
    from file f
    left join file_month m using (file_id)
    group by f.sha256
),
said as (
    select w.recorded_at, f.period, f.feed from withdrawal w left join spoken f using (sha256)
    union all
    select o.recorded_at, f.period, f.feed from reading o join spoken f using (sha256)
    union all
    select d.recorded_at, null, null from fix_decision d where d.kind = 'identity'
),
loaded as (
    select m.period, max(r.recorded_at) as recorded_at
    from receipt r
    join file f using (file_id)
    join file_month m using (file_id)
    where r.state = 'accepted' and (m.period = f.period or f.feed = any($1))
    group by m.period
)
select run.period
from reads.newest_run(null, null) run
where exists (
    select from said
    where said.recorded_at > run.recorded_at
        and (said.period <= run.period or said.period is null or said.feed = 'register')
)
or exists (
    select from loaded where loaded.period = run.period and loaded.recorded_at > run.recorded_at
)
order by run.period
