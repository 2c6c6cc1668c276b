-- The life of alerts: what people did and found out, silences, and what each mail told of each alert. All of it is
-- appended and never changed.

alter table alert_event
    add column opened text,
    add column cause text not null default '',
    add column known_at timestamptz;
update alert_event set opened = period, known_at = recorded_at,
    kind = case kind when 'acknowledged' then 'acknowledge' when 'closed' then 'close' else kind end;
alter table alert_event
    alter column opened set not null,
    alter column known_at set not null,
    alter column event_id drop identity,
    add constraint alert_event_once
        unique (rule, entity_kind, entity, source, opened, kind, who, why, cause, known_at);
comment on table alert_event is
    'what people did and found out: acknowledge, take, resolve, close, reopen; true, false, explained';
comment on column alert_event.opened is 'of the alert it was said of';
comment on column alert_event.period is 'the month in which it counts, after that month''s verdict';
comment on column alert_event.cause is 'the verified cause, with an outcome';

create table silence (
    silence_id  text primary key,
    rule        text not null,
    entity_kind text not null,
    entity      text not null,
    chain       text not null,
    first       text not null,
    last        text not null check (last >= first),
    who         text not null check (who <> ''),
    why         text not null check (why <> ''),
    known_at    timestamptz not null,
    recorded_at timestamptz not null
);
comment on table silence is 'alerts that match are listed but not mailed, first to last month; * matches anything';

create table silence_end (
    silence_id  text not null references silence,
    last        text not null,
    who         text not null check (who <> ''),
    why         text not null check (why <> ''),
    known_at    timestamptz not null,
    recorded_at timestamptz not null,
    primary key (silence_id, last)
);
comment on table silence_end is 'a silence ended before its time; its last month';

create table told (
    period      text not null,
    reader      text not null,
    occasion    text not null,
    alert_id    text not null,
    part        text not null check (part in
        ('mailed', 'held', 'explained', 'silenced', 'uncertain', 'budget', 'withheld', 'escalated')),
    level       smallint not null,
    message_id  text not null,
    reason      text not null,
    answer_by   date,
    planned_at  timestamptz not null,
    primary key (period, reader, occasion, alert_id, part)
);
create index told_alert on told (alert_id);
comment on table told is 'what the mail of a month told a reader of an alert, or why it did not; written with the plan';
comment on column told.message_id is 'empty where there was nothing to mail at all';
