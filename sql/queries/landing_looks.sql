select path, bytes, modified, changed, same_since, waiting_since, why from landing_look
