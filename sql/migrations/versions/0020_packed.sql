-- Figures as arrays: a row per run, indicator, level and source. A month of a large town has hundreds of thousands of
-- figures; as rows they were mostly keys, and writing them took longer than computing them.
create table indicator_entities (
    run_id bigint not null references run,
    list integer not null,
    entities text[] not null,
    primary key (run_id, list)
);

create table indicator_block (
    run_id bigint not null references run,
    indicator text not null, entity_kind text not null, source text not null,
    list integer not null,
    value double precision[] not null, state smallint[] not null,
    coverage double precision[], groups integer[], top2 double precision[], hidden_groups integer[] not null,
    primary key (run_id, indicator, entity_kind, source),
    foreign key (run_id, list) references indicator_entities
);
alter table indicator_block alter value set storage external; -- noise does not compress

comment on column indicator_block.list is 'the entities of the arrays, in their order';
comment on column indicator_block.value is 'NaN where there is none';
comment on column indicator_block.state is 'code of the state of a datum; -1: no figure of this entity';
comment on column indicator_block.coverage is 'null, as groups and top2: a firm''s own figure, 1 where there is a value';

create temporary table packing on commit drop as
select *, row_number() over (partition by run_id order by indicator, entity_kind, source)::integer as list
from (select distinct run_id, indicator, entity_kind, source from indicator_value) keys;

insert into indicator_entities
select p.run_id, p.list, array_agg(v.entity order by v.entity)
from packing p join indicator_value v using (run_id, indicator, entity_kind, source)
group by p.run_id, p.list;

insert into indicator_block
select
    p.run_id, p.indicator, p.entity_kind, p.source, p.list,
    array_agg(coalesce(v.value, 'NaN') order by v.entity),
    array_agg(
        (array_position(array['value', 'expected-absent', 'late', 'withheld', 'failed'], v.state) - 1)::smallint
        order by v.entity
    ),
    array_agg(v.coverage order by v.entity), array_agg(v.groups order by v.entity),
    array_agg(v.top2 order by v.entity), array_agg(coalesce(v.hidden_groups, 0) order by v.entity)
from packing p join indicator_value v using (run_id, indicator, entity_kind, source)
group by p.run_id, p.indicator, p.entity_kind, p.source, p.list;

drop table indicator_value;
