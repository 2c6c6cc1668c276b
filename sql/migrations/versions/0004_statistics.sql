-- Statistics in detail: output by class and product, and the figures the upper bureau approved.

create table output_detail (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    kind text not null check (kind in ('industry', 'product')),
    code text not null, name text not null, unit text not null,
    m double precision, ytd double precision, ly_m double precision, ly_ytd double precision,
    primary key (file_id, sheet, "row")
);
create index on output_detail (period);
create index on output_detail (file_id) where subject like '%:%';
comment on table output_detail is 'B204-1 below its totals: output by 4-digit class (千元) and by product (its own unit)';
comment on column output_detail.unit is '千元 for money of any printed unit; of a product as printed, the figures untouched';

create table approved_figure (
    file_id bigint not null, sheet text not null, "row" integer not null,
    indicator text not null, name text not null, unit text not null, period text not null,
    measure text not null check (measure in ('m', 'ytd')),
    value double precision, growth double precision,
    scope text not null, vintage text not null check (vintage in ('初步', '最终', '修订', '')),
    primary key (file_id, sheet, "row", measure)
);
create index on approved_figure (period);
comment on table approved_figure is '市局反馈数: approved totals of the town; a line gives its month and its cumulative figure';
comment on column approved_figure.growth is 'per cent, as published: levels, growth, scope and vintage are facts of their own';
