select
    coalesce(max(run_id), 0) as run_id,
    greatest(clock_timestamp(), max(recorded_at) + interval '1 microsecond') as recorded_at
from run
