-- The lines of the stock ledgers at the end of each month with their owner (null: nobody known), quantity and value. The owner
-- is the firm of the inventories that booked the cargo in, if all that are named agree, else the firm whose ledger it is,
-- unless that is the centre's operator, who keeps what is others'. $1 known_at, $2 recorded_at, $3–$4 periods.
with named as materialized (
    select distinct on (f.document) f.document, i.entity
    from bonded_line f
    join reads.bonded_file($1, $2) n using (file_id)
    join reads.identity($1, $2) i using (subject)
    order by f.document, n.newness desc, i.entity
),
stock as materialized (
    select s.*, case
            when not bool_or(coalesce(s.operator, false)) over (partition by s.ledger)
            then max(s.subject) over (partition by s.ledger)
        end as keeper
    from (
        select *
        from (
            select f.*, n.newness, max(n.newness) over (partition by f.ledger) as newest
            from bonded_stock f
            join reads.bonded_file($1, $2) n using (file_id)
        ) all_known
        where newness = newest
    ) s
    where s.period between $3 and $4
)
select
    s.period, s.file_id, s.sheet, s."row", coalesce(owner.entity, keeper.entity) as entity, s.account, s.hs, s.unit,
    s.increased - coalesce(s.reduced, 0) - coalesce(s.reserved, 0) as quantity,
    coalesce(s.usd, s.price_usd * (s.increased - coalesce(s.reduced, 0) - coalesce(s.reserved, 0))) as usd,
    s.in_on, s.limit_on
from stock s
left join lateral (
    select case when count(distinct n.entity) = 1 then min(n.entity) end as entity
    from named n
    where n.document = any(string_to_array(s.document, '、'))
) owner on true
left join reads.identity($1, $2) keeper on keeper.subject = s.keeper
order by s.period, s.ledger, s.sheet, s."row", s.hs, usd
