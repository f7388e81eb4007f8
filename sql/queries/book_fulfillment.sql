-- book_fulfillment: a fulfillment of the API's, made by somebody else.
--   $1 text   order
--   $2 jsonb  it, as a listing of one
--   $3 text   who
--   $4 text   why
--   -> done, said
select done, said from adopt($1::text, $2::jsonb, $3::text, $4::text)
