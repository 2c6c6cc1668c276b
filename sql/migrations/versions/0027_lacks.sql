-- What a sheet of a firm's return or of the register did not deliver: no column, or of a form no line, or one that was
-- refused. It says nothing of these, and what the earlier file says stands. Sheets that lack nothing have no row.
create table file_lack (
    file_id bigint not null references file,
    sheet text not null,
    fields text[] not null,
    primary key (file_id, sheet)
);
comment on column file_lack.fields is 'columns of the fact table, sorted';

insert into file_lack (file_id, sheet, fields)
select sheets.file_id, sheets.sheet, array_agg(c.column_name::text order by c.column_name::text collate "C")
from (
    select distinct file_id, sheet, 'output_return' as fact_table from output_return
    union all select distinct file_id, sheet, 'finance_return' from finance_return
    union all select distinct file_id, sheet, 'self_report' from self_report
    union all select distinct file_id, sheet, 'rd_return' from rd_return
    union all select distinct file_id, sheet, 'register_entry' from register_entry
) sheets
join file f using (file_id)
cross join lateral (select f.cells::jsonb as cells) said
join information_schema.columns c on c.table_schema = 'public' and c.table_name = sheets.fact_table
left join lateral (select said.cells ->> (sheets.sheet || '|' || c.column_name) as place) spot on true
where c.column_name not in ('file_id', 'sheet', 'row', 'subject', 'period')
    and exists (select from jsonb_object_keys(said.cells) key where starts_with(key, sheets.sheet || '|'))
    and (
        spot.place is null
        or exists (
            select from quarantine q
            where q.file_id = sheets.file_id and q.sheet = sheets.sheet
                and q."row" = substring(spot.place from '\d+$')::integer
        )
    )
group by sheets.file_id, sheets.sheet;
