-- Everything that reads derives its selection from here. Applied anew by init whenever this folder changes;
-- nothing in the schema holds data.
drop schema if exists reads cascade;
create schema reads;

-- The functions set a search path, so that they are evaluated once instead of being merged into the query around them,
-- and state how many rows they give: the planner's own guess is 1, and a join planned on it takes minutes.

-- Contents withdrawn at k as recorded by r: the newest word on each counts; of two at the same time, the withdrawal.
create function reads.withdrawn(k timestamptz, r timestamptz)
returns table (sha256 text)
language sql stable rows 10 set search_path = public as $$
    select said.sha256
    from (
        select distinct on (w.sha256) w.sha256, w.kind
        from withdrawal w
        where w.known_at <= coalesce(k, 'infinity') and w.recorded_at <= coalesce(r, 'infinity')
        order by w.sha256, w.known_at desc, w.kind desc
    ) said
    where said.kind = 'withdraw'
$$;

-- Contents that were decided on, and how each is read at k as recorded by r: as which file, null where it is refused
-- then. A content that was refused as it stands can be read only since the first decision that made it readable.
create function reads.read_as(k timestamptz, r timestamptz)
returns table (sha256 text, file_id bigint, fix_id bigint, since timestamptz)
language sql stable rows 10 set search_path = public as $$
    select distinct on (o.sha256) o.sha256, o.file_id, o.fix_id,
        case when not exists (select from file f where f.sha256 = o.sha256 and f.reading = '') then
            min(o.known_at) filter (where o.file_id is not null) over (partition by o.sha256)
        end
    from reading o
    where o.known_at <= coalesce(k, 'infinity') and o.recorded_at <= coalesce(r, 'infinity')
    order by o.sha256, o.known_at desc, o.recorded_at desc
$$;

-- Files known at k as recorded by r (null: newest) and not withdrawn by then, and their order: the newest has the
-- greatest newness, ties go by content, so that the order of loading never matters. Of a content that was decided on,
-- the reading in force; it stays as new as its arrival.
create function reads.known(k timestamptz, r timestamptz)
returns table (file_id bigint, known_at timestamptz, newness bigint)
language sql stable rows 2000 set search_path = public as $$
    with read_as as materialized (select * from reads.read_as(k, r)),
    withdrawn as materialized (select * from reads.withdrawn(k, r)),
    arrival as (
        select f.file_id, f.sha256, a.known_at as arrived, a.known_at
        from (
            select receipt.file_id, min(receipt.known_at) as known_at
            from receipt
            where receipt.state in ('accepted', 'duplicate') and receipt.recorded_at <= coalesce(r, 'infinity')
            group by receipt.file_id
        ) a
        join file f using (file_id)
        where f.reading = ''
            and f.sha256 not in (select w.sha256 from withdrawn w union all select o.sha256 from read_as o)
        union all
        select o.file_id, o.sha256, min(receipt.known_at), greatest(min(receipt.known_at), o.since)
        from read_as o
        join receipt using (sha256)
        where o.file_id is not null and receipt.recorded_at <= coalesce(r, 'infinity')
            and (receipt.state in ('accepted', 'duplicate') or o.since is not null)
            and o.sha256 not in (select w.sha256 from withdrawn w)
        group by o.file_id, o.sha256, o.since
    )
    select a.file_id, a.known_at, row_number() over (order by a.arrived, a.sha256)
    from arrival a
    where a.arrived <= coalesce(k, 'infinity')
$$;

-- The reading of each content that counts now, withdrawn or not.
create view reads.current_file as
select f.file_id
from file f
left join reads.read_as(null, null) o using (sha256)
where case when o.sha256 is null then f.reading = '' else f.file_id = o.file_id end;

-- What a register's sheet has no column for (file_lack) though an earlier one has: of each firm and field what the newest
-- that has it says. Of one field, or of all where it is null.
create function reads.lent(k timestamptz, r timestamptz, one text)
returns table (subject text, field text, value jsonb)
language sql stable rows 10 set search_path = public as $$
    with known as materialized (
        select n.file_id, n.newness
        from reads.known(k, r) n
        join file f using (file_id)
        where f.feed = 'register'
    ),
    list as materialized (  -- each list of firms, with what it lacks
        select e.file_id, e.sheet, coalesce(l.fields, '{}') as fields
        from (select distinct file_id, sheet from register_entry join known using (file_id)) e
        left join file_lack l using (file_id, sheet)
    ),
    wanted as materialized (
        select l.file_id, l.sheet, f.field
        from list l
        cross join lateral unnest(l.fields) f (field)
        where (one is null or f.field = one)
            and exists (select from list o where not f.field = any (o.fields))
    ),
    entry as materialized (
        select distinct on (e.subject) e.file_id, e.sheet, e.subject
        from register_entry e
        join known n using (file_id)
        where exists (select from wanted)
        order by e.subject, n.newness desc, e.sheet, e."row"
    )
    select distinct on (o.subject, w.field) o.subject, w.field, to_jsonb(o) -> w.field
    from entry e
    join wanted w using (file_id, sheet)
    join register_entry o on o.subject = e.subject
    join known n on n.file_id = o.file_id
    join list l on (l.file_id, l.sheet) = (o.file_id, o.sheet) and not w.field = any (l.fields)
    order by o.subject, w.field, n.newness desc, o.sheet, o."row"
$$;

-- The register: per firm the entry of the newest file that has the firm. A sheet without the column of customs codes says
-- nothing of them (file_lack): the newest one that has the column does.
create function reads.register(k timestamptz, r timestamptz)
returns table (file_id bigint, sheet text, "row" integer, subject text, customs_code text)
language sql stable rows 2000 set search_path = public as $$
    with entry as materialized (
        select distinct on (e.subject) e.file_id, e.sheet, e."row", e.subject, e.customs_code
        from register_entry e
        join reads.known(k, r) n using (file_id)
        order by e.subject, n.newness desc, e.sheet, e."row"
    ),
    lent as materialized (select l.subject, l.value from reads.lent(k, r, 'customs_code') l)
    select e.file_id, e.sheet, e."row", e.subject, coalesce(e.customs_code, l.value #>> '{}')
    from entry e
    left join lent l using (subject)
$$;

-- The office's decisions on who is meant, at k as recorded by r: the newest on each name; none where it was revoked.
create function reads.decided(k timestamptz, r timestamptz)
returns table (subject text, entity text)
language sql stable rows 10 set search_path = public as $$
    select distinct on (d.target) d.target, d.value
    from fix_decision d
    where d.kind = 'identity' and d.known_at <= coalesce(k, 'infinity') and d.recorded_at <= coalesce(r, 'infinity')
    order by d.target, d.known_at desc, d.value
$$;

-- What a source may call a firm, the firms it may mean, and how it is known.
create function reads.called(k timestamptz, r timestamptz)
returns table (subject text, entity text, how text)
language sql stable rows 5000 set search_path = public as $$
    with entry as materialized (select * from reads.register(k, r)),
    decided as materialized (select * from reads.decided(k, r) d where d.entity <> '')
    select e.subject, e.subject, 'code' from entry e
    union all
    select d.subject, e.subject, 'decision' from decided d join entry e on e.subject = d.entity
    union all
    select c.subject, c.entity, c.how
    from (
        select 'customs:' || e.customs_code, e.subject, 'customs' from entry e where e.customs_code <> ''
        union all
        select 'org:' || substr(e.subject, 9, 9), e.subject, 'org' from entry e
        union all
        select 'name:' || n.name_key, e.subject, 'name' from entry e join register_name n using (file_id, sheet, "row")
    ) c (subject, entity, how)
    where not exists (select from decided d where d.subject = c.subject)
$$;

-- Whom each of them means. A name or code that two firms share means neither, unless somebody decided.
create function reads.identity(k timestamptz, r timestamptz)
returns table (subject text, entity text)
language sql stable rows 5000 set search_path = public as $$
    select c.subject, min(c.entity)
    from reads.called(k, r) c
    group by c.subject
    having count(distinct c.entity) = 1
$$;

-- Rows of any file that are loaded but stand in no read, live: of a firm in no register, or one of several rows of a
-- file that turn out to mean the same firm and month under different names.
create view reads.unsettled as
with identity as materialized (
    select * from reads.identity(null, null)
),
single as not materialized (
    select file_id, sheet, "row", subject, period, 'output_return' as form from output_return
    union all
    select file_id, sheet, "row", subject, period, 'finance_return' from finance_return
    union all
    select file_id, sheet, "row", subject, period, 'self_report' from self_report
    union all
    select file_id, sheet, "row", subject, period, 'rd_return' from rd_return
),
fact as not materialized (
    select file_id, sheet, "row", subject, period from single
    union all
    select file_id, sheet, "row", subject, period from trade_line
    union all
    select file_id, sheet, "row", subject, period
    from bonded_line
    where subject is not null
    union all
    -- a later pocket without a head: its owner stands in another pocket of the message
    select f.file_id, f.sheet, f."row", min(head.subject), min(head.period)
    from bonded_line f
    join bonded_pocket own using (file_id)
    join bonded_pocket head using (message, pockets)
    where f.subject is null and head.subject is not null
    group by f.file_id, f.sheet, f."row"
    union all
    select file_id, sheet, "row", subject, period from declaration_line
    union all
    select file_id, sheet, "row", subject, null from authorisation
    union all
    select file_id, sheet, "row", subject, period from power_use
    union all
    select file_id, sheet, "row", subject, period from output_detail
    -- new-feed: above this line
)
select f.file_id, f.sheet, f."row", f.subject, f.period, 'identity.unmatched' as rule
from fact f
where not exists (select from identity i where i.subject = f.subject)
union all
select c.file_id, c.sheet, c."row", c.subject, c.period, 'duplicate.resolved'
from (
    select s.*, count(*) over (partition by s.form, s.file_id, i.entity, s.period) as same
    from single s
    join identity i using (subject)
    -- Rows of one file with the same subject never get this far; so one of the two goes by another name ('org:…').
    -- These are few, and found by an index of their own.
    join (
        select distinct a.form, a.file_id, j.entity, a.period
        from single a
        join identity j using (subject)
        where a.subject like '%:%'
    ) alias on (alias.form, alias.file_id, alias.entity, alias.period) = (s.form, s.file_id, i.entity, s.period)
) c
where c.same > 1;

-- The same with every source line of a row.
create view reads.unsettled_line as
select file_id, sheet, "row" as line, subject, period, rule from reads.unsettled
union all
select w.file_id, w.sheet, l.line, w.subject, w.period, w.rule
from reads.unsettled w
join fact_line l using (file_id, sheet, "row");

-- Of files that count: not of one that was withdrawn, nor of a reading that another has taken the place of.
create view reads.withheld as
select u.* from reads.unsettled u join reads.known(null, null) n using (file_id);

create view reads.withheld_line as
select u.* from reads.unsettled_line u join reads.known(null, null) n using (file_id);

-- Lines to add to file.rejected: unsettled now and not rejected at reading already.
create view reads.late_reject as
select late.file_id, count(*) as lines
from (select distinct file_id, sheet, line from reads.unsettled_line) late
where not exists (
    select from quarantine q where q.file_id = late.file_id and q.sheet = late.sheet and q."row" = late.line
)
group by late.file_id;

-- The path under which a content first became known.
create view reads.file_path as
select f.file_id, p.path
from file f
join (
    select distinct on (sha256) sha256, path
    from receipt
    where file_id is not null or sha256 in (select reading.sha256 from reading)
    order by sha256, known_at, recorded_at, receipt_id
) p using (sha256);

create view reads.quarantine as
select p.path as file, f.sha256, f.file_id, q.sheet, q."row", q.field, q.rule, q.reason, q.raw,
    f.feed, q.subject, q.period
from (
    select file_id, sheet, "row", field, rule, reason, raw, subject, period
    from quarantine
    join reads.known(null, null) n using (file_id)
    union all
    select
        file_id, sheet, line, '统一社会信用代码', rule,
        case rule
            when 'identity.unmatched' then '名录中没有这家企业，待名录更新后自动入库'
            else '本文件中另有一行对应同一企业同一月份，无法取舍'
        end,
        subject, subject, period
    from reads.withheld_line
) q
join file f using (file_id)
join reads.file_path p using (file_id);

-- Every arrival with its counts as of now: those of the reading that counts, and refused while there is none.
create view reads.receipt as
select
    r.receipt_id, r.path as file, r.sha256, r.known_at, r.recorded_at,
    coalesce(f.file_id, r.file_id) as file_id,
    case when f.reading is null then r.feed else f.feed end as feed,
    case when f.reading is null then r.form else f.form end as form,
    case when f.reading is null then r.period else f.period end as period,
    case when o.sha256 is null then r.rows_read else coalesce(f.rows_read, 0) end as rows_read,
    case when o.sha256 is null then r.accepted else coalesce(f.rows_read - f.rejected, 0) end
        - coalesce(late.lines, 0)::integer as accepted,
    case when o.sha256 is null then r.rejected else coalesce(f.rejected, 0) end
        + coalesce(late.lines, 0)::integer as rejected,
    case
        when o.sha256 is null then r.state
        when o.file_id is null then 'refused'
        when r.state = 'refused' then 'accepted'
        else r.state
    end as state,
    case
        when o.sha256 is null then r.reasons
        when o.file_id is null then o.reasons
        when r.state = 'duplicate' then r.reasons
        else f.notes
    end as reasons
from receipt r
left join (
    select a.sha256, a.file_id, (
        select d.reasons from reading d
        where d.sha256 = a.sha256 and d.file_id is null
        order by d.known_at desc, d.recorded_at desc limit 1
    ) as reasons
    from reads.read_as(null, null) a
) o using (sha256)
left join file f on f.file_id = o.file_id
left join reads.late_reject late on late.file_id = case when o.sha256 is null then r.file_id else o.file_id end;

-- Lines that a decision on reading released: refused as the file stood or was read before, accepted as it is read now.
create view reads.released as
select distinct on (f.sha256, q.sheet, q."row", q.field, q.rule)
    p.path as file, f.sha256, q.sheet, q."row", q.field, q.rule, q.reason, q.subject, q.period, o.fix_id
from reads.read_as(null, null) o
join file f using (sha256)
join quarantine q on q.file_id = f.file_id
join reads.file_path p on p.file_id = f.file_id
where o.file_id is not null and f.file_id <> o.file_id
    and f.sha256 not in (select w.sha256 from reads.withdrawn(null, null) w)
    and not exists (
        select from quarantine now where now.file_id = o.file_id and now.sheet = q.sheet and now."row" = q."row"
    )
order by f.sha256, q.sheet, q."row", q.field, q.rule, f.file_id;

-- The run that counts for each period, as known at k and recorded by r (null: newest); none where the newest one only says
-- that all the month stood on was withdrawn.
create function reads.newest_run(k timestamptz, r timestamptz)
returns table (run_id bigint, period text, known_at timestamptz, recorded_at timestamptz)
language sql stable rows 100 set search_path = public as $$
    select newest.run_id, newest.period, newest.known_at, newest.recorded_at
    from (
        select distinct on (run.period) run.*
        from run
        where run.known_at <= coalesce(k, 'infinity') and run.recorded_at <= coalesce(r, 'infinity')
        order by run.period, run.known_at desc, run.recorded_at desc, run.run_id desc
    ) newest
    where newest.fingerprint not like 'nothing %'
$$;
