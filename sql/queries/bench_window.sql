-- For DuckDB: growth on the year, on the month and a mean of three months of the frame "long".
select
    firm, month,
    output / lag(output, 12) over firm_months - 1 as output_yoy, output / lag(output) over firm_months - 1 as output_mom,
    avg(output) over (firm_months rows 2 preceding) as output_mean,
    sales / lag(sales, 12) over firm_months - 1 as sales_yoy, sales / lag(sales) over firm_months - 1 as sales_mom,
    avg(sales) over (firm_months rows 2 preceding) as sales_mean,
    export / lag(export, 12) over firm_months - 1 as export_yoy, export / lag(export) over firm_months - 1 as export_mom,
    avg(export) over (firm_months rows 2 preceding) as export_mean,
    power / lag(power, 12) over firm_months - 1 as power_yoy, power / lag(power) over firm_months - 1 as power_mom,
    avg(power) over (firm_months rows 2 preceding) as power_mean
from long
window firm_months as (partition by firm order by month)
