-- How a fetch ended; a server that fails keeps the time since when it does.
insert into fetch_state (server, tried_at, failing_since, words)
values (:server, clock_timestamp(), case when :failing then clock_timestamp() end, :words)
on conflict (server) do update set
    tried_at = excluded.tried_at, words = excluded.words,
    failing_since = case when :failing then coalesce(fetch_state.failing_since, excluded.failing_since) end
