-- baseline_note_orders: the orders whose fulfillments are to be listed.
--   :relation  the warehouse's rows, all of them
--   :progress  baseline_progress, or what stands for it in a dry run
insert into :progress (order_id)
select distinct x.order_id collate "C" from (:relation) x where x.order_id <> '' on conflict do nothing
