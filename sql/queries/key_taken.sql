-- key_taken: the API takes the key again.
select key_taken()
