-- Some measures of one row per firm and period, as of a time: what is not asked for is not sorted either.
select entity, period, {columns}
from ({asof_single:{table}}) single
