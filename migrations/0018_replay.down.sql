ALTER TABLE request_logs DROP COLUMN need_input, DROP COLUMN need_output, DROP COLUMN need_nano;
