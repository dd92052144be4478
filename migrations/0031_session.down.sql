ALTER TABLE request_logs DROP COLUMN session;
