-- shadow_looks: in shadow mode, orders with planned units are listed now and then.
--   -> orders int8
select shadow_looks()
