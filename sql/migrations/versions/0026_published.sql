-- Published customs totals by place: imports, exports and both, of a month and since January.
create table published_trade (
    file_id bigint not null, sheet text not null, "row" integer not null,
    period text not null, place text not null,
    item text not null check (item ~ '^(import|export|trade)_(usd|rmb)_(m|ytd)$'),
    value double precision, base double precision, growth double precision,
    primary key (file_id, sheet, "row", item)
);
create index on published_trade (period);
comment on table published_trade is 'published totals of imports and exports; a place is written as published, no firm in it';
comment on column published_trade.value is 'yuan or dollars';
comment on column published_trade.base is 'the same of last year as published with it, restated';
comment on column published_trade.growth is 'per cent, as published: levels and growth are facts of their own';
