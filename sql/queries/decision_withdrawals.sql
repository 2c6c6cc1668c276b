-- What was said about a content, newest last. $1 sha256.
select kind, known_at from withdrawal where sha256 = $1 order by known_at, kind
