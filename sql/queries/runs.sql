select run_id, period, fingerprint from run
