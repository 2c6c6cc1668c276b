-- All rows of a key (a firm's authorisations, a chain's nodes), from the newest file that has any of them.
-- $1 known_at, $2 recorded_at.
select *
from (
    select n.known_at, n.newness, f.*, max(n.newness) over (partition by f.{key}) as newest
    from {table} f
    join reads.known($1, $2) n using (file_id)
) resolved
where newness = newest
order by file_id, sheet, "row"
