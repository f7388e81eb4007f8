-- expiring_note: orders whose authorization ends soon are to go first from now on.
--   -> note_expiring void
select note_expiring()
