-- In motion: what landed, what was planned on which run, drafts and their approval, notices of the watch.

create table landed (
    landed_id bigint generated always as identity primary key,
    path      text not null,
    bytes     bigint not null,
    modified  bigint not null,
    sha256    text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    known_at  timestamptz not null,
    feed      text,
    period    text,
    landed_at timestamptz not null default clock_timestamp(),
    unique (path, bytes, modified)
);
create index landed_sha256 on landed (sha256);
comment on table landed is 'every file seen in the landing folder, as kept; pending until it has a receipt';
comment on column landed.modified is 'of the file as seen, nanoseconds: with path and bytes it tells a file that changed';
comment on column landed.feed is 'null: nothing recognises it, so its receipt will be a refusal';
comment on column landed.period is 'null: of no single month (register, chain map, reference series), or not recognised';

create table planned (
    kind       text not null,
    period     text not null,
    run_id     bigint not null references run,
    mails      integer not null,
    planned_at timestamptz not null,
    primary key (kind, period, run_id)
);
comment on table planned is 'that the regular mails of a month were decided on for a run; the mails are in message';

create table draft_event (
    event_id bigint generated always as identity primary key,
    issue_id text not null references issue,
    kind     text not null check (kind in ('submitted', 'approved', 'rejected', 'superseded')),
    who      text not null,
    why      text not null,
    at       timestamptz not null
);
create index draft_event_issue on draft_event (issue_id);
comment on table draft_event is 'the life of a briefing from draft to approval; append-only';

create table notice (
    finding  text primary key,
    words    text not null,
    since    timestamptz not null,
    told_at  timestamptz not null,
    message_id text
);
comment on table notice is 'what the watch found and told the operators, once each; message_id: the mail that told it';
