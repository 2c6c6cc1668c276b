select message_id, body from message where message_id = any(:message_ids)
