-- The bonded centre whole: ledgers, stock notes, gate passes, declarations, status events, pockets.

-- A later pocket of a big message may have no head; its rows take it from the pocket that has one, at reading.
alter table bonded_line
    alter column subject drop not null,
    alter column period drop not null,
    alter column document drop not null,
    alter column declared_on drop not null,
    alter column flow drop not null,
    alter column living drop not null,
    alter column mode drop not null,
    add column transport text,
    add column inner_no text,
    add column change integer;
comment on column bonded_line.living is 'as this copy says; what counts is decided at reading, from all events known';
comment on column bonded_line.transport is 'trspModecd; W: between the centre and the rest of the country';
comment on column bonded_line.inner_no is '企业内部清单编号; the same of the same firm is the same document, imported again';

create table bonded_pocket (
    file_id bigint not null, sheet text not null, "row" integer not null,
    message text not null, pocket integer not null, pockets integer not null check (pocket between 1 and pockets),
    kind text not null,
    document text, subject text, period text, declared_on date, flow text, living boolean, mode text, list_type text,
    customs_declared boolean, transport text, inner_no text, change integer,
    primary key (file_id, sheet, "row")
);
create index on bonded_pocket (message);
comment on table bonded_pocket is 'one row for each file that is part of a message, with the head if the file has it; a file without a row is a whole message';

create table bonded_status (
    file_id bigint not null, sheet text not null, "row" integer not null,
    kind text not null check (kind in ('inventory', 'declaration', 'note', 'pass')),
    document text not null, before text,
    status text not null check (status in
        ('staged', 'declared', 'asked', 'kept', 'approved', 'passed', 'returned', 'deleted', 'voided')),
    on_day date, change integer,
    primary key (file_id, sheet, "row")
);
create index on bonded_status (document);
comment on table bonded_status is 'what a file says of a document''s life; before: its number before it had this one';

create table bonded_stock (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text, operator boolean, period text not null,
    account text not null, ledger text not null, document text, hs text not null, unit text,
    increased double precision, reduced double precision, reserved double precision,
    usd double precision, price_usd double precision, in_on date, limit_on date,
    primary key (file_id, sheet, "row")
);
create index on bonded_stock (period);
comment on table bonded_stock is 'INV211 ledger lines at the end of a month; subject is the warehouse, document the inventories that booked the cargo in';
comment on column bonded_stock.operator is 'the ledger is the centre operator''s: what lies there is other firms'' cargo';
comment on column bonded_stock.ledger is 'account and period: the unit of which the newest message wins';

create table bonded_note (
    file_id bigint not null, sheet text not null, "row" integer not null,
    document text not null, period text not null, declared_on date not null, flow text not null check (flow in ('I', 'E')),
    declaration text, inventories text,
    hs text not null, quantity double precision, usd double precision, gross_kg double precision,
    primary key (file_id, sheet, "row")
);
create index on bonded_note (document);
comment on table bonded_note is 'SAS111 goods lines; it names no firm: the owner is the declaration''s or the inventories''';

create table bonded_pass (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text, document text not null, period text not null, declared_on date not null,
    flow text not null check (flow in ('I', 'E')),
    pass_type text, inventories text,
    total_kg double precision, gross_kg double precision, read_kg double precision, passed_on date,
    primary key (file_id, sheet, "row")
);
create index on bonded_pass (document);
comment on table bonded_pass is 'SAS121 and SAS22x, one row a copy; read_kg null: the weighbridge did not read';

create table bonded_declaration (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text, outside text, document text not null, period text not null, declared_on date not null,
    flow text not null check (flow in ('I', 'E')),
    primary key (file_id, sheet, "row")
);
create index on bonded_declaration (document);
comment on table bonded_declaration is 'SAS101, one row a copy; subject is the firm inside the centre';
