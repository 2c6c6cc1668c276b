-- All goods lines of an inventory from its newest whole message, of a filing that lives if there is one, whatever its month
-- was before; `living` says whether it counts: not ended, not returned, and not imported again under the same internal
-- number of the same firm (then the newest counts). $1 known_at, $2 recorded_at, $3–$4 periods.
select *
from (
    with file as materialized (select * from reads.bonded_file($1, $2)),
    named as materialized (select before, document from reads.bonded_name($1, $2) where kind = 'inventory'),
    state as materialized (select * from reads.bonded_state($1, $2) where kind = 'inventory'),
    head as materialized (  -- what a later pocket takes from the one that has the head
        select distinct on (own.file_id) own.file_id as own_id, h.*
        from bonded_pocket own
        join bonded_pocket h using (message, pockets)
        join file m on m.file_id = h.file_id
        where h.subject is not null
        order by own.file_id, h.pocket
    ),
    line as (
        select n.known_at, n.newness, f.file_id, f.sheet, f."row",
            coalesce(f.subject, h.subject) as subject, coalesce(f.period, h.period) as period,
            coalesce(f.document, h.document) as document, coalesce(f.declared_on, h.declared_on) as declared_on,
            coalesce(f.flow, h.flow) as flow, coalesce(f.living, h.living, false) as living,
            coalesce(f.mode, h.mode) as mode, coalesce(f.list_type, h.list_type) as list_type,
            coalesce(f.customs_declared, h.customs_declared) as customs_declared,
            f.hs, f.quantity, f.usd, f.gross_kg, coalesce(f.transport, h.transport) as transport,
            coalesce(f.inner_no, h.inner_no) as inner_no, coalesce(f.change, h.change, 0) as change
        from {table} f
        join file n using (file_id)
        left join head h on h.own_id = f.file_id
    ),
    judged as (
        select i.entity, line.*, coalesce(a.document, line.document) as number,
            e.document is null and coalesce(s.living, line.living) as alive
        from line
        left join named a on a.before = line.document
        left join (select distinct document from state where ended) e
            on e.document = coalesce(a.document, line.document)
        left join state s on s.document = coalesce(a.document, line.document) and s.change = line.change
        join reads.identity($1, $2) i on i.subject = line.subject
    ),
    versions as (
        select *, coalesce(max(newness) filter (where alive) over (partition by number collate "C"),
            max(newness) over (partition by number collate "C")) as newest
        from judged
    )
    select entity, known_at, file_id, sheet, "row", subject, period, number as document, declared_on, flow,
        alive and newest = max(newest) over (
            partition by alive, coalesce(inner_no, number) collate "C", inner_no is null, entity collate "C"
        ) as living,
        mode, list_type, customs_declared, hs, quantity, usd, gross_kg, transport, inner_no, change
    from versions
    where newness = newest
) resolved
where period between $3 and $4
