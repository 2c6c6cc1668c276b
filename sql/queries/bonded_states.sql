-- What each filing of the bonded centre came to. $1 known_at, $2 recorded_at.
select kind, document, change, status, on_day, living from reads.bonded_state($1, $2) order by kind, document, change
