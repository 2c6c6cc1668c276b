-- A firm's power of a month, over its accounts in an order of their own. $1 known_at, $2 recorded_at, $3–$4 periods.
select
    entity, period,
    sum(power_m order by file_id, sheet, "row") as power_m,
    sum(power_ly_m order by file_id, sheet, "row") as power_ly_m,
    sum(power_ytd order by file_id, sheet, "row") as power_ytd,
    sum(power_ly_ytd order by file_id, sheet, "row") as power_ly_ytd
from ({asof_many:power_use}) account
group by entity, period
