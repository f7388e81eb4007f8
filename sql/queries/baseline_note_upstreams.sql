-- baseline_note_upstreams: their numbers are noted, to be asked for.
--   :numbers  baseline_numbers, filled in
--   -> one row
select note_upstreams(array(select distinct n.upstream_id from (:numbers) n))::text
