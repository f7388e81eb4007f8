-- work_left: when the next thing is due, in milliseconds from now; null: nothing of its kind.
--   $1 text  only this order; null: any
--   -> due_ms, ask_ms, look_ms, list_ms int8, queued bool, upstream_ms int8
select due_ms, ask_ms, look_ms, list_ms, queued, upstream_ms from work_left($1::text)
