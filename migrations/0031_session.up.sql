-- compatible-from: 5
-- The session that a client named, such as that of a coding agent.
ALTER TABLE request_logs ADD COLUMN session text;
