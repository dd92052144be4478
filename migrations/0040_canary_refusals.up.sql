-- compatible-from: 5
-- Requests of a canary that their provider refused as the client's mistake. A daemon of an earlier version counts
-- none.
ALTER TABLE canary_counts ADD COLUMN refused bigint NOT NULL DEFAULT 0;
