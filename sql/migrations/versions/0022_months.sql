-- The months a file speaks of. A file that belongs to a month may hold rows of others: an export of a whole history, or
-- a late row. Files that belong to no single month (register, reference series) have none.
create table file_month (
    file_id bigint not null references file,
    period text not null,
    primary key (file_id, period)
);
comment on column file_month.period is 'the file''s own, and every month that a row of a fact table states';

insert into file_month (file_id, period)
select distinct f.file_id, m.period
from file f
join (
    select file_id, period from file
    union all select file_id, period from output_return
    union all select file_id, period from output_detail
    union all select file_id, period from finance_return
    union all select file_id, period from self_report
    union all select file_id, period from trade_line
    union all select file_id, period from trade_total
    union all select file_id, period from declaration_line
    union all select file_id, period from bonded_line
    union all select file_id, period from bonded_note
    union all select file_id, period from bonded_pass
    union all select file_id, period from bonded_declaration
    union all select file_id, period from investment_project
    union all select file_id, period from power_use
    union all select file_id, period from task_progress
    union all select file_id, period from visit
    union all select file_id, period from monthly_parameter
    union all select file_id, period from approved_figure
) m using (file_id)
where f.period is not null and m.period ~ '^\d{4}-\d{2}$';
