-- Months whose run that counts was recorded before somebody decided on a file or firm of theirs, the earliest first.
select run.period
from reads.newest_run(null, null) run
where exists (
        select from withdrawal w
        left join file f using (sha256)
        where w.recorded_at > run.recorded_at
            and (f.period <= run.period or f.period is null or f.feed = 'register')
    )
    or exists (select from fix_decision d where d.recorded_at > run.recorded_at)
order by run.period
