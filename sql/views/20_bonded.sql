-- The bonded centre: which files may be read, and which documents live.

-- Files of the centre (and any other) that may be read at (k, r): whole messages, and the pockets of messages all of whose
-- pockets are known. A pocket sent again replaces the one before. The pockets of a message share the newest's newness,
-- so that they are one version of its document, known from the day the last of them came.
create function reads.bonded_file(k timestamptz, r timestamptz)
returns table (file_id bigint, known_at timestamptz, newness bigint)
language sql stable rows 2000 set search_path = public as $$
    with known as materialized (select * from reads.known(k, r)),
    part as (
        select distinct on (p.message, p.pockets, p.pocket)
            p.message, p.pockets, p.pocket, n.file_id, n.known_at, n.newness
        from bonded_pocket p
        join known n using (file_id)
        order by p.message, p.pockets, p.pocket, n.newness desc
    ),
    whole as (
        select message, pockets, max(part.known_at) as known_at, max(part.newness) as newness
        from part
        group by message, pockets
        having count(*) = pockets
    )
    select n.file_id, n.known_at, n.newness
    from known n
    where not exists (select from bonded_pocket p where p.file_id = n.file_id)
    union all
    select part.file_id, whole.known_at, whole.newness
    from part
    join whole using (message, pockets)
$$;

-- The number of a document that was known under another before it had one.
create function reads.bonded_name(k timestamptz, r timestamptz)
returns table (kind text, before text, document text)
language sql stable rows 200 set search_path = public as $$
    select s.kind, s.before, max(s.document)
    from bonded_status s
    join reads.bonded_file(k, r) n using (file_id)
    where s.before is not null
    group by s.kind, s.before
$$;

-- What each filing (document and count of changes) of the centre came to at (k, r).
-- A document that was deleted or voided is ended, whatever else is said of it and whenever. Otherwise the last word on a
-- filing counts: of the latest day, and on one day returned over declared, approved over returned, passed over approved. A
-- change that was returned leaves the filing before it as it was. An application to withdraw changes nothing.
-- A document known under its number of before and under its number is one.
create function reads.bonded_state(k timestamptz, r timestamptz)
returns table (kind text, document text, change integer, status text, on_day date, living boolean, ended boolean)
language sql stable rows 2000 set search_path = public as $$
    with named as materialized (select * from reads.bonded_name(k, r)),
    event as (
        select s.kind, coalesce(a.document, s.document) as document, s.change, s.status, s.on_day,
            s.status in ('deleted', 'voided') as ends,
            array_position(array['staged', 'declared', 'returned', 'approved', 'passed'], s.status) as rank
        from bonded_status s
        join reads.bonded_file(k, r) n using (file_id)
        left join named a on a.kind = s.kind and a.before = s.document
    ),
    last as (
        select distinct on (kind, document, change) kind, document, change, status, on_day
        from event
        where rank is not null and change is not null
        order by kind, document, change, on_day desc nulls last, rank desc
    ),
    ended as (
        select kind, document, max(status) as status, min(on_day) as on_day from event where ends group by kind, document
    ),
    filing as (
        select kind, document, change from last
        union
        select kind, document, coalesce(change, 0) from event where ends
    )
    select kind, document, filing.change, coalesce(ended.status, last.status), coalesce(ended.on_day, last.on_day),
        ended.status is null and last.status in ('declared', 'approved', 'passed'), ended.status is not null
    from filing
    left join last using (kind, document, change)
    left join ended using (kind, document)
$$;

-- Messages of which something is missing at (k, r): pockets, or the head that says whose goods they are.
create function reads.bonded_open(k timestamptz, r timestamptz)
returns table (message text, kind text, document text, pockets integer, here text, missing integer, known_at timestamptz)
language sql stable rows 20 set search_path = public as $$
    select p.message, min(p.kind), max(p.document), p.pockets,
        string_agg(distinct p.pocket::text, '、'), p.pockets - count(distinct p.pocket)::integer, min(n.known_at)
    from bonded_pocket p
    join reads.known(k, r) n using (file_id)
    group by p.message, p.pockets
    having count(distinct p.pocket) < p.pockets or (max(p.document) is null and min(p.kind) = 'inventory')
$$;
