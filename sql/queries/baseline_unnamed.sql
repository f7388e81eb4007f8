-- baseline_unnamed: how many rows have units and no order id yet.
--   :numbers  baseline_numbers, filled in
--   -> rows int8
select count(*) from (:numbers) n
