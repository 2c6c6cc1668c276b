insert into planned (kind, period, run_id, mails, planned_at)
values (:kind, :period, :run_id, :mails, :now)
on conflict (kind, period, run_id) do nothing
