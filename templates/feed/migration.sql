create table {{name}} (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    amount double precision not null, remark text,
    primary key (file_id, sheet, "row")
);
comment on table {{name}} is 'qxmonitor/catalog/forms/{{name}}.yml; amount in thousand yuan';

create index on {{name}} (period);
