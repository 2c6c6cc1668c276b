-- What form each file is.
select file_id, feed from file
