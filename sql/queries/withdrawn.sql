-- Contents withdrawn. $1 known_at, $2 recorded_at.
select sha256 from reads.withdrawn($1, $2)
