delete from landing_look where path = :path
