-- A quarantine to work with: whose a refused row is, withdrawals, decisions on identity.
-- All of it is appended and never changed; what counts at a time follows from known_at and recorded_at (reads.*).

alter table quarantine add column subject text, add column period text;
comment on column quarantine.subject is 'whose row it is, as a fact''s subject; null where the row did not say readably';

create table withdrawal (
    withdrawal_id bigint primary key,
    sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    kind        text not null check (kind in ('withdraw', 'reinstate')),
    who         text not null check (who <> ''),
    why         text not null check (why <> ''),
    known_at    timestamptz not null,
    recorded_at timestamptz not null
);
create index withdrawal_sha256 on withdrawal (sha256);
comment on table withdrawal is 'a content does not count from known_at on, or count again; the newest says';

create table fix_decision (
    fix_id      bigint primary key,
    kind        text not null check (kind in ('identity')),
    target      text not null,
    value       text not null,
    who         text not null check (who <> ''),
    why         text not null check (why <> ''),
    known_at    timestamptz not null,
    recorded_at timestamptz not null
);
create index fix_decision_target on fix_decision (kind, target);
comment on table fix_decision is 'what the office decided about reading, never about a value; a later one supersedes';
comment on column fix_decision.target is 'a subject (name:…, customs:…, org:…)';
comment on column fix_decision.value is 'USCC; empty: revoked';

create index receipt_sha256 on receipt (sha256);
