update message set recipient = :recipient, body = :body where message_id = :message_id
