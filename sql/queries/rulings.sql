-- The decisions on reading, in the order recorded; a target is the sha256 or feed, and the word.
select fix_id, kind, split_part(target, ' ', 1) as scope, split_part(target, ' ', 2) as word, value, known_at
from fix_decision
where kind in ('unit', 'mapping')
order by fix_id
