-- Messages of which something is missing. $1 known_at, $2 recorded_at.
select message, kind, document, pockets, here, missing, known_at from reads.bonded_open($1, $2) order by message, pockets
