insert into notice (finding, words, since, told_at, message_id)
values (:finding, :words, :since, :told_at, :message_id)
on conflict (finding) do nothing
