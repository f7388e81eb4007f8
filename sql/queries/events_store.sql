-- events_store: a page of events.
--   $1 jsonb  events
--   -> stored int8
select events_store($1::jsonb)
