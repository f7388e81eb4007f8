-- warehouse_search_path: look for names where the user's own sessions would, until the transaction ends.
--   -> path text
select set_config('search_path', s.reset_val, true) from pg_settings s where s.name = 'search_path'
