insert into meta (key, value) values ('origin', $1)
