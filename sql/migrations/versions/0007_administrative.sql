-- Sheets of a declared shape (qxmonitor/catalog/forms): projects, R&D, power, tasks, visits, parameters. In tables of
-- things, "thing" says what a row speaks of: rows of one thing and period stand together, the newest file's count.

create table investment_project (
    file_id bigint not null, sheet text not null, "row" integer not null,
    thing text not null, subject text, period text not null,
    project_code text, project_name text not null, scale text check (scale in ('206-1', '206-2')),
    plan double precision not null, ytd double precision not null, ytd_ly double precision, month double precision,
    tech_upgrade boolean, industry text, started text, building text,
    primary key (file_id, sheet, "row")
);
comment on table investment_project is '206-1 and 206-2, one row a project; thousand yuan; subject may be unknown to the register';

create table rd_return (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    rd_expense double precision, rd_staff double precision, rd_institution boolean,
    primary key (file_id, sheet, "row")
);
comment on table rd_return is '107, yearly: period is a year; rd_expense in thousand yuan, rd_staff in person-years';

create table power_use (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null, account text,
    power_m double precision, power_ly_m double precision, power_ytd double precision, power_ly_ytd double precision,
    primary key (file_id, sheet, "row")
);
comment on table power_use is 'of the power company, one row an account; a firm is the sum of its rows; 10,000 kWh';

create table task_progress (
    file_id bigint not null, sheet text not null, "row" integer not null,
    thing text not null, period text not null,
    clause integer not null, department text not null, progress text not null, percent double precision,
    state text, problem text, next_step text,
    primary key (file_id, sheet, "row")
);

create table visit (
    file_id bigint not null, sheet text not null, "row" integer not null,
    thing text not null, subject text not null, period text not null,
    number text, visited text not null, department text not null, appeal text, category text, state text, answer text,
    closed text,
    primary key (file_id, sheet, "row")
);
comment on table visit is 'period is the month of the visit; closed and visited are days; texts bear no persons';

create table monthly_parameter (
    file_id bigint not null, sheet text not null, "row" integer not null,
    thing text not null, period text not null,
    parameter text not null, scope text not null, value double precision not null, provider text not null,
    primary key (file_id, sheet, "row")
);
comment on table monthly_parameter is 'value_added_rate in %, producer_price with the same month of last year as 100, usd_cny in yuan';

create index on investment_project (period);
create index on rd_return (period);
create index on rd_return (file_id) where subject like '%:%';
create index on power_use (period);
create index on task_progress (period);
create index on visit (period);
create index on monthly_parameter (period);

-- A series along a row gives many points of one line.
alter table reference_point drop constraint reference_point_pkey;
alter table reference_point add primary key (file_id, sheet, "row", series, period);
