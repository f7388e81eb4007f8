-- orders_known: of the orders that were asked for, does the API know more than it doesn't?
--   -> bool
select knows_more_orders()
