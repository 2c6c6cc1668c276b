-- Answers as known and recorded by then, in the order recorded. $1 known_at, $2 recorded_at.
select a.answer_id, a.letter_id, l.number, a.said, a.who, a.verified, a.known_at
from letter_answer a
join letter l using (letter_id)
where a.known_at <= $1 and a.recorded_at <= $2
order by a.answer_id
