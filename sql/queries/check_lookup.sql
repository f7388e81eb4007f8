-- check_lookup: how the server would look orders up.
--   :relation  the warehouse's rows for the orders in $1
--   $1 text[]  orders
--   -> plan json
explain (verbose, format json) :relation
