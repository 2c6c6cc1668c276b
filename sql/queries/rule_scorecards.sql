-- Every scorecard, newest last.
select scorecard_id, rule, version, first, last, labels, met, card, recorded_at
from rule_scorecard
order by scorecard_id
