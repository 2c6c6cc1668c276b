-- Decisions on how a file is read: the unit of its figures, the meaning of a form's headings. A content has a row in
-- file for each way it was read, with facts and quarantine of its own; which of them counts at a time, reading says.

alter table fix_decision drop constraint fix_decision_kind_check;
alter table fix_decision add constraint fix_decision_kind_check check (kind in ('identity', 'unit', 'mapping'));
comment on column fix_decision.target is
    'identity: a subject (name:…, customs:…, org:…); unit: sha256 and item; mapping: feed and heading';
comment on column fix_decision.value is 'USCC, unit, or the words the form knows; empty: revoked';

alter table file add column reading text not null default '';
alter table file drop constraint file_sha256_key;
alter table file add constraint file_once unique (sha256, reading);
comment on table file is 'a row per content that was accepted and way it was read; the bytes lie sealed in the file store';
comment on column file.reading is 'the decisions it was read by, a line each; empty: as it stands';

create table reading (
    sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    known_at    timestamptz not null,
    recorded_at timestamptz not null,
    fix_id      bigint not null references fix_decision,
    file_id     bigint references file,
    reasons     text not null default '[]',
    primary key (sha256, known_at, recorded_at)
);
create index reading_recorded_at on reading (recorded_at);
comment on table reading is 'from known_at on a content counts as this row of file; before the first, as it stands';
comment on column reading.file_id is 'null: read like this it is refused, for these reasons';
comment on column reading.fix_id is 'the decision that changed the reading at that moment';
