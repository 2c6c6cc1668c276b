-- Validation: what every rule said of every file, in counts and cell addresses, never in values.

create table verdict_summary (
    file_id    bigint not null references file,
    fact_table text not null,
    rule       text not null,
    field      text not null,
    severity   text not null check (severity in ('critical', 'warning')),
    reason     text not null,
    evaluated  integer not null,
    unexpected integer not null,
    places     text not null default '[]',
    primary key (file_id, fact_table, rule)
);
comment on table verdict_summary is 'a row a file and rule, written with the file; Data Docs are made from it';
comment on column verdict_summary.fact_table is 'the table judged; reader: rejected while reading; whole_file: the file';
comment on column verdict_summary.evaluated is 'cells (reader: lines; whole_file: 1) that were looked at';
comment on column verdict_summary.places is 'JSON: the first addresses, sheets by number; no names, no values';
