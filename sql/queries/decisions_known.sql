-- Withdrawals and decisions (on identity, on rules, on reading where it changes what a file is read as), for a run's
-- fingerprint; `arrived`: when a withdrawn content became known, if it has by then. $1 known_at, $2 recorded_at.
with spoken as (
    select f.sha256, min(m.period) as period, min(f.feed) as feed
    from file f
    left join file_month m using (file_id)
    group by f.sha256
)
select w.kind || ' ' || w.sha256 as words, f.period, f.feed, w.known_at, arrival.arrived
from withdrawal w
left join spoken f using (sha256)
left join lateral (
    select min(r.known_at) as arrived
    from receipt r
    join file one using (file_id)
    where one.sha256 = w.sha256 and r.state in ('accepted', 'duplicate') and r.known_at <= $1 and r.recorded_at <= $2
) arrival on true
where w.known_at <= $1 and w.recorded_at <= $2
union all
select 'identity ' || target || ' ' || value, null, null, known_at, null
from fix_decision
where kind = 'identity' and known_at <= $1 and recorded_at <= $2
union all
select 'reading ' || o.sha256 || ' ' || coalesce(o.reading, '-'), s.period, s.feed, o.known_at, null
from (
    select e.sha256, e.known_at, f.reading, e.file_id, case
            when row_number() over (partition by e.sha256 order by e.known_at) = 1 then stands.file_id
            else lag(e.file_id) over (partition by e.sha256 order by e.known_at)
        end as before
    from (
        select distinct on (sha256, known_at) * from reading
        where known_at <= $1 and recorded_at <= $2
        order by sha256, known_at, recorded_at desc
    ) e
    left join file f using (file_id)
    left join file stands on stands.sha256 = e.sha256 and stands.reading = ''
) o
join spoken s on s.sha256 = o.sha256
where o.before is distinct from o.file_id
union all
select 'rule ' || rule || ' ' || version || ' ' || active::text, null, null, known_at, null
from rule_activation
where known_at <= $1 and recorded_at <= $2
order by known_at, words
