-- All rows of a key (a ledger of a month, a stock note, a gate pass) from its newest whole message. $1 known_at,
-- $2 recorded_at.
select *
from (
    select n.known_at, n.newness, f.*, max(n.newness) over (partition by f.{key}) as newest
    from {table} f
    join reads.bonded_file($1, $2) n using (file_id)
) resolved
where newness = newest
order by file_id, sheet, "row"
