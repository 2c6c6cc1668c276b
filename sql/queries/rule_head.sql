-- The last numbers given to scorecards and activations.
select
    coalesce((select max(scorecard_id) from rule_scorecard), 0) as scorecard_id,
    coalesce((select max(activation_id) from rule_activation), 0) as activation_id
