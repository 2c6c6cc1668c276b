update message set state = :state, state_at = :now, detail = :detail where message_id = :message_id
