-- The issues given out of the months from $2 to $3, the newest of each month. $1 recorded_at.
select distinct on (i.period) i.period, i.known_at, i.recorded_at
from issue i
join (
    select issue_id, max(recorded_at) as given_at from given_value where recorded_at <= $1 group by issue_id
) g using (issue_id)
where i.period between $2 and $3
order by i.period, g.given_at desc
