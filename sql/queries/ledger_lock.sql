select pg_try_advisory_lock(hashtextextended(:message_id, 0))
