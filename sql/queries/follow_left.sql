-- follow_left: what is due of an order's life after the POST.
--   $1 int8  milliseconds since the pass began
--   -> is_to_apply, is_to_ask, is_to_hand_over, is_to_track, is_to_charge bool
select is_to_apply, is_to_ask, is_to_hand_over, is_to_track, is_to_charge from follow_left($1::int8)
