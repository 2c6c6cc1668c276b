alter table message
    add column occasion text not null default '',
    add column trial boolean not null default false,
    add column attempts integer not null default 0,
    add column next_try_at timestamptz,
    add column via text not null default '',
    add column handing_over boolean not null default false;
comment on table message is 'the ledger: at most one message per kind, period, reader and occasion, wherever it goes';
comment on column message.reader is 'who it is made for; the recipient may be a deputy''s mailbox or, on trial, another reader''s';
comment on column message.recipient is 'empty while held because nobody''s mailbox is valid';
comment on column message.occasion is 'empty for the regular mail of the period, else the written reason of an explicit one';
comment on column message.via is 'the transport of the newest try';
comment on column message.handing_over is 'the newest try began to hand over the body; killed after that, its end is unknown';

-- Until now a changed mailbox made a second message of the same month: those keep their rows under an occasion.
update message
set occasion = '曾发往 ' || recipient
where message_id in (
    select message_id
    from (
        select message_id, row_number() over (partition by kind, period, reader order by planned_at, message_id) as nth
        from message
    ) as numbered
    where nth > 1
);
-- Deferred mails had no next try; they are due.
update message set next_try_at = state_at where state = 'deferred';

alter table message drop constraint message_kind_period_reader_recipient_key;
alter table message add constraint message_once unique (kind, period, reader, occasion);
alter table message drop constraint message_state_check;
alter table message add constraint message_state_check check (state in
    ('planned', 'sending', 'accepted', 'refused', 'deferred', 'bounced', 'failed', 'unknown', 'held', 'dropped'));
alter table message add constraint message_deferred_until check ((state = 'deferred') = (next_try_at is not null));

create table message_event (
    event_id bigint generated always as identity primary key,
    message_id text not null references message,
    at timestamptz not null,
    state text not null,
    who text not null check (who <> ''),
    detail text not null default ''
);
create index on message_event (message_id, event_id);
comment on table message_event is 'everything that happened to a mail and who decided it; append-only';

create function message_event_is_append_only() returns trigger language plpgsql as
    'begin raise exception ''message_event is append-only''; end';
create trigger append_only before update or delete or truncate on message_event
    for each statement execute function message_event_is_append_only();

insert into message_event (message_id, at, state, who, detail)
select message_id, planned_at, 'planned', '系统', '' from message order by planned_at, message_id;
insert into message_event (message_id, at, state, who, detail)
select message_id, state_at, state, '系统', detail from message where state <> 'planned' order by state_at, message_id;
