select count(*) from message where state in ('held', 'unknown', 'failed', 'refused', 'bounced')
