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

-- Files known at k as recorded by r (null: newest) and not withdrawn by then, and their order: the newest has the
-- greatest newness, ties go by content, so that the order of loading never matters.
create function reads.known(k timestamptz, r timestamptz)
returns table (file_id bigint, known_at timestamptz, newness bigint)
language sql stable rows 2000 set search_path = public as $$
    select f.file_id, arrival.known_at, row_number() over (order by arrival.known_at, f.sha256)
    from (
        select receipt.file_id, min(receipt.known_at) as known_at
        from receipt
        where receipt.state in ('accepted', 'duplicate') and receipt.recorded_at <= coalesce(r, 'infinity')
        group by receipt.file_id
    ) arrival
    join file f using (file_id)
    where arrival.known_at <= coalesce(k, 'infinity')
        and f.sha256 not in (select w.sha256 from reads.withdrawn(k, r) w)
$$;

-- The register: per firm the entry of the newest file that has the firm.
create function reads.register(k timestamptz, r timestamptz)
returns table (file_id bigint, sheet text, "row" integer, subject text, customs_code text)
language sql stable rows 2000 set search_path = public as $$
    select distinct on (e.subject) e.file_id, e.sheet, e."row", e.subject, e.customs_code
    from register_entry e
    join reads.known(k, r) n using (file_id)
    order by e.subject, n.newness desc, e.sheet, e."row"
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

-- Rows that are loaded but stand in no read, live: of a firm in no register, or one of several rows of a file that
-- turn out to mean the same firm and month under different names.
create view reads.withheld as
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
create view reads.withheld_line as
select file_id, sheet, "row" as line, subject, period, rule from reads.withheld
union all
select w.file_id, w.sheet, l.line, w.subject, w.period, w.rule
from reads.withheld w
join fact_line l using (file_id, sheet, "row");

-- Lines to add to file.rejected: withheld now and not rejected at reading already.
create view reads.late_reject as
select late.file_id, count(*) as lines
from (select distinct file_id, sheet, line from reads.withheld_line) late
where not exists (
    select from quarantine q where q.file_id = late.file_id and q.sheet = late.sheet and q."row" = late.line
)
group by late.file_id;

-- The path under which a content first became known.
create view reads.file_path as
select distinct on (file_id) file_id, path
from receipt
where state in ('accepted', 'duplicate')
order by file_id, known_at, recorded_at, receipt_id;

create view reads.quarantine as
select p.path as file, f.sha256, f.file_id, q.sheet, q."row", q.field, q.rule, q.reason, q.raw,
    f.feed, q.subject, q.period
from (
    select file_id, sheet, "row", field, rule, reason, raw, subject, period from quarantine
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

-- Every arrival with its counts as of now.
create view reads.receipt as
select
    r.receipt_id, r.path as file, r.sha256, r.file_id, r.feed, r.form, r.period, r.known_at, r.recorded_at, r.rows_read,
    r.accepted - coalesce(late.lines, 0)::integer as accepted,
    r.rejected + coalesce(late.lines, 0)::integer as rejected,
    r.state, r.reasons
from receipt r
left join reads.late_reject late using (file_id);

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
