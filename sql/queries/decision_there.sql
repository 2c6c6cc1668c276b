-- What was decided about a subject already. $1 subject.
select value, known_at from fix_decision where target = $1 order by known_at, recorded_at
