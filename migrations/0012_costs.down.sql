-- What requests cost is gone with this.
DROP TABLE price_revisions;
ALTER TABLE request_logs
  DROP COLUMN usage_classes, DROP COLUMN cost_nano, DROP COLUMN currency, DROP COLUMN price_revision;
