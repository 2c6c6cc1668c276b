-- Who was told that a notice closed is told it once, so it is noted; so is what a mail lists as not judged.
alter table told drop constraint told_part_check;
alter table told add constraint told_part_check check (part in
    ('mailed', 'held', 'explained', 'silenced', 'uncertain', 'budget', 'withheld', 'escalated', 'carried', 'closed'));
