-- baseline_book: a piece of the warehouse's rows is settled.
--   :readings  baseline_readings, filled in
--   $1, $2 int8  from this number to that
--   $3 text      why
--   -> lines int8, units int8
select b.lines, b.units
  from baseline_rows(array(select r.reading from (:readings) r where r.n between $1::int8 and $2::int8), $3::text) b
