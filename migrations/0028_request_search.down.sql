DROP INDEX request_logs_search;
DROP INDEX credentials_name;
