insert into meta values ('views', :views) on conflict (key) do update set value = :views
