-- Rules proved by backtests: a scorecard speaks of one version of a rule, an activation of one version too. Appended,
-- never changed; a rule whose definition changed is another version and stands as the catalogue ships it.

create table rule_scorecard (
    scorecard_id bigint primary key,
    rule         text not null,
    version      text not null,
    first        text not null,
    last         text not null,
    labels       text not null,
    met          boolean not null,
    card         text not null,
    recorded_at  timestamptz not null
);
create index rule_scorecard_rule on rule_scorecard (rule, version);
comment on column rule_scorecard.version is 'hash of what the rule says and whom it watches';
comment on column rule_scorecard.labels is 'what the cases are: planted events of a simulated town, later outcomes';
comment on column rule_scorecard.card is 'JSON: the figures with their intervals';

create table rule_activation (
    activation_id bigint primary key,
    rule          text not null,
    version       text not null,
    active        boolean not null,
    who           text not null check (who <> ''),
    why           text not null check (why <> ''),
    known_at      timestamptz not null,
    recorded_at   timestamptz not null
);
create index rule_activation_rule on rule_activation (rule, version);
