-- Silences as known and recorded by then, each with its last month: the earliest of the planned one and those it was
-- ended with, so that ending what is over does not bring it back. $1 known_at, $2 recorded_at.
select s.silence_id, s.rule, s.entity_kind, s.entity, s.chain, s.first, least(min(e.last), s.last) as last, s.who,
    s.why, s.known_at
from silence s
left join silence_end e on e.silence_id = s.silence_id and e.known_at <= $1 and e.recorded_at <= $2
where s.known_at <= $1 and s.recorded_at <= $2
group by s.silence_id
order by s.first, s.silence_id
