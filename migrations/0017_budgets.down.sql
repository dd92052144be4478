-- What was spent of budgets is gone with this.
DROP FUNCTION llmproxy_alert_budget(text, timestamptz, integer);
DROP FUNCTION llmproxy_sync_budgets(text, text[], interval, jsonb);
DROP TABLE budget_leases, budget_totals, budget_ledger;
DROP FUNCTION llmproxy_ledger_kept();
DROP TABLE stops, budgets, prices;
DELETE FROM config_changes WHERE tab IN ('stops', 'budgets', 'prices');
DELETE FROM config_tables WHERE tab IN ('stops', 'budgets', 'prices');
