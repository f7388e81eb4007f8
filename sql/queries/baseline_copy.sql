-- baseline_copy: the relation once, numbered by order, so that pieces of it can be booked one after the other.
--   :relation  the warehouse's rows, all of them
--   $1 text    only what was changed before this time; null: all
--   -> a table of this transaction: n int8, then the relation's columns
create temp table baseline_copy on commit drop as
select row_number() over (order by x.order_id) as n, x.*
  from (:relation) x
 where x.order_id <> '' and ($1::text is null or x.changed_at < ($1::text)::timestamptz)
