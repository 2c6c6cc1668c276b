select silence_id, last from silence_end
