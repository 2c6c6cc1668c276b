-- Months for which a feed has brought anything at all, matched or not. $1 known_at, $2 recorded_at.
select 'customs_monthly' as form, f.period from trade_line f join reads.known($1, $2) n using (file_id) group by 2
union all
select 'bonded_inv101', f.period
from bonded_line f
join reads.known($1, $2) n using (file_id)
where f.period is not null
group by 2
union all
select 'bonded_stock', f.period from bonded_stock f join reads.known($1, $2) n using (file_id) group by 2
union all
select 'power', f.period from power_use f join reads.known($1, $2) n using (file_id) group by 2
union all
select 'tasks', f.period from task_progress f join reads.known($1, $2) n using (file_id) group by 2
union all
select 'visits', f.period from visit f join reads.known($1, $2) n using (file_id) group by 2
union all
select 'investment', f.period from investment_project f join reads.known($1, $2) n using (file_id) group by 2
