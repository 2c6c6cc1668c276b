-- Letters as known and recorded by then, in the order of their numbers. $1 known_at, $2 recorded_at.
select letter_id, kind, year, serial, number, period, entity, name, supplement_to, issuer, simulated, issued, answer_by, known_at
from letter
where known_at <= $1 and recorded_at <= $2
order by kind, year, serial
