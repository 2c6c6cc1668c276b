-- Output by 4-digit class and by product of each month, over all firms: the year so far, and both years of the firms that
-- have both. A product goes by its name where it has no code, or where the form's code only numbers its line (10, 11): what
-- firm A writes on line 10 is not what firm B does. Summed and given in orders of their own. $1 known_at, $2 recorded_at, $3–$4 periods.
select
    period, kind, code, unit, min(name collate "C") as name, count(distinct entity) as firms,
    sum(ytd order by entity collate "C", sheet, "row") as ytd,
    sum(ytd order by entity collate "C", sheet, "row") filter (where ly_ytd is not null) as both_ytd,
    sum(ly_ytd order by entity collate "C", sheet, "row") filter (where ytd is not null) as both_ly
from (
    select
        entity, period, kind, sheet, "row", unit, name, ytd, ly_ytd,
        case
            when code = '' or (kind = 'product' and name <> '' and code ~ '^[0-9]{1,2}$') then name else code
        end as code
    from ({asof_kind:output_detail}) line
) keyed
group by period, kind, code, unit
order by period collate "C", kind, code collate "C", unit collate "C"
