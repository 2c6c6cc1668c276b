-- All lines of a document, from the newest file that has it, whatever its month was before. $1 known_at,
-- $2 recorded_at, $3–$4 periods.
select i.entity, resolved.*
from (
    select n.known_at, n.newness, f.*, max(n.newness) over (partition by f.{key}) as newest
    from {table} f
    join reads.known($1, $2) n using (file_id)
) resolved
join reads.identity($1, $2) i using (subject)
where resolved.newness = resolved.newest and resolved.period between $3 and $4
