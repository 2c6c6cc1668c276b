select count(*) as values from reads.indicator_value
