-- key_works: a POST passed.
select key_works()
