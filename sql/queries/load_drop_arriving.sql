drop table arriving
