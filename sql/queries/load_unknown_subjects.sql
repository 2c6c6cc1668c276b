-- Which of these subjects mean no registered firm as of now.
select asked.subject
from unnest($1::text[]) asked (subject)
where not exists (select from reads.identity(null, null) i where i.subject = asked.subject)
