insert into draft_event (issue_id, kind, who, why, at)
select :issue_id, :kind, :who, :why, :at
where not exists (
    select from draft_event where issue_id = :issue_id and kind = :kind and who = :who and why = :why
)
