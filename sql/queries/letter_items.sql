-- The items of the letters known and recorded by then. $1 known_at, $2 recorded_at.
select i.letter_id, i.place, i.key, i.form, i.spot, i.field, i.problem, i.reported, i.asked, l.kind, l.period, l.entity, l.number
from letter_item i
join letter l using (letter_id)
where l.known_at <= $1 and l.recorded_at <= $2
order by i.letter_id, i.place
