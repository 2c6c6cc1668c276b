-- The goods lines of living inventories with the border they cross: 'abroad', 'domestic', or null where neither the mode of
-- transport nor the supervision mode tells. $1 known_at, $2 recorded_at, $3–$4 periods, $5 transports that are domestic,
-- $6 modes abroad, $7 modes domestic (each a list with spaces between).
select
    line.*,
    case
        when transport = any(string_to_array($5, ' ')) then 'domestic'
        when mode = any(string_to_array($6, ' ')) then 'abroad'
        when mode = any(string_to_array($7, ' ')) then 'domestic'
    end as border
from ({asof_inventory:bonded_line}) line
where living
