select pg_advisory_unlock(hashtextextended(:message_id, 0))
