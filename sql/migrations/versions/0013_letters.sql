-- Letters to firms: what was asked of whom, by when, and what they answered. All of it is appended and never changed;
-- whether an item is settled is not stored, it follows from the facts.

create table letter (
    letter_id   bigint primary key,
    kind        text not null check (kind in ('query', 'urge')),
    year        integer not null,
    serial      integer not null check (serial > 0),
    number      text not null unique,
    period      text not null,
    entity      text not null,
    name        text not null,
    supplement_to text references letter (number),
    issuer      text not null,
    simulated   boolean not null,
    issued      date not null,
    answer_by   date not null check (answer_by >= issued),
    known_at    timestamptz not null,
    recorded_at timestamptz not null,
    unique (kind, year, serial)
);
create index letter_period on letter (period, kind);
comment on table letter is 'a letter as it is printed; firms'' figures: statistical channel only';
comment on column letter.supplement_to is 'the firm''s first letter of the month and kind';
comment on column letter.known_at is 'the items were open as known then';

create table letter_item (
    letter_id   bigint not null references letter,
    place       integer not null check (place > 0),
    key         text not null,
    form        text not null,
    spot        text not null,
    field       text not null,
    problem     text not null,
    reported    text not null,
    asked       text not null,
    primary key (letter_id, place),
    unique (letter_id, key)
);
comment on column letter_item.key is 'what the item is, whatever file it stands in: asked once of a firm and month';

create table letter_answer (
    answer_id   bigint primary key,
    letter_id   bigint not null references letter,
    said        text not null check (said <> ''),
    who         text not null check (who <> ''),
    verified    boolean not null,
    known_at    timestamptz not null,
    recorded_at timestamptz not null
);
create index letter_answer_letter on letter_answer (letter_id);
comment on column letter_answer.verified is 'the firm says, and the office accepts, that the figures are right';
