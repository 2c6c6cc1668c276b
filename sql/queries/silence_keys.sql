select silence_id from silence
