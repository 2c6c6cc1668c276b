-- All rows of a firm and period of the highest vintage known (快讯 < 月报 < 修正 < 年鉴), and among files of that vintage
-- from the newest; so a flash estimate that comes late displaces nothing. $1 known_at, $2 recorded_at, $3–$4 periods.
select *
from (
    select ranked.*, max(ranked.newness) over (partition by ranked.entity, ranked.period) as newest
    from (
        select
            i.entity, n.known_at,
            n.newness + (1::bigint << 40) * array_position(
                array['preliminary', 'monthly', 'corrected', 'final'], coalesce(f.vintage, 'monthly')
            ) as newness,
            f.*
        from {table} f
        join reads.known($1, $2) n using (file_id)
        join reads.identity($1, $2) i using (subject)
        where f.period between $3 and $4
    ) ranked
) resolved
where newness = newest
