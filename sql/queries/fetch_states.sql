select server, tried_at, failing_since, words from fetch_state
