-- upstreams_note: merchants' numbers seen in the warehouse that are to be looked up once.
--   $1 text[]  upstream ids
select note_upstreams($1::text[])
