-- What alerts are folded from: the few verdicts that raised something, and the others of the same rule and entity.
create index verdict_raised on verdict (run_id) where level >= 1;
