-- recover_state: mode and generation, and what waits for a first look.
--   $1 int8  timeout_ms + settle_ms
--   -> mode text, mode_by text, mode_reason text, generation int4, generation_since text, look_from text, looks_now bool,
--      unverified int8, why text, found_again int8
select s.mode::text, s.mode_by, s.mode_reason, s.generation,
       to_char(s.generation_since, 'YYYY-MM-DD HH24:MI:SS TZ'), to_char(s.look_from, 'YYYY-MM-DD HH24:MI:SS TZ'),
       s.look_from <= clock_timestamp(), s.unverified, s.why, s.found_again
  from recover_state($1::int8) s
