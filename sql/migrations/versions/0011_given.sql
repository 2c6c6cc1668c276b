-- What was given out: the aggregates of approved issues as their readers outside the statistical channel have them.

create table given_value (
    issue_id text not null references issue,
    indicator text not null, entity_kind text not null, entity text not null, source text not null,
    period text not null,
    value double precision, state text not null, coverage double precision,
    groups integer, top2 double precision, hidden_groups integer,
    withheld boolean not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (issue_id, indicator, entity_kind, entity, source, period)
);
create index given_value_period on given_value (period);
comment on table given_value is 'append-only; written with the approval. A later issue shows earlier months as given here';
comment on column given_value.withheld is 'hidden then because the difference of two issues would have shown few groups';
