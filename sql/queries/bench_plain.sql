-- A table of the shape of another, without its indexes, for comparison.
create table {made} (like {table})
