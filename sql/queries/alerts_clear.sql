delete from alert
