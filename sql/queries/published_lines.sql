-- The lines of a download that speak of one month, place and flow. $1 file_id, $2 period, $3 district, $4 flow.
select file_id, sheet, "row", period, district, usd, rmb
from trade_total
where file_id = $1 and period = $2 and district = $3 and flow = $4
order by sheet, "row"
