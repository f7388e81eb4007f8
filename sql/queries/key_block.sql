-- key_block: nobody calls the API for so long.
--   $1 int8  milliseconds
--   $2 text  why
select block_key($1::int8, $2::text)
