-- A table of the shape and indexes of another, for comparison.
create table {made} (like {table} including all)
