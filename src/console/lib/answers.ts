import type { CanaryStatus, MirrorStatus, SideStatus } from '../../admin/canary-status.js';
import type { DescribedFleet } from '../../admin/describe-fleet.js';
import type { RequestExplanation } from '../../admin/explain/request-explanation.js';
import type { DoctorReport } from '../../admin/health/finding.js';
import type { SpentBudget } from '../../admin/lists/spent-budgets.js';
import type { describeCache } from '../../admin/routes/cache.js';
import type { StatusOf } from '../../admin/routes/status.js';
import type { DescribedPlan } from '../../changes/last-plan.js';
import type { Budget, Selectors } from '../../config/rows/budget.js';
import type { Canary } from '../../config/rows/canary.js';
import type { Mirror } from '../../config/rows/mirror.js';
import type { Stop as StopRow } from '../../config/rows/stop.js';
import type { AuditEntry } from '../../db/queries/audit/list-audit.js';
import type { HistoryEntry } from '../../db/queries/configuration/config-history.js';
import type { RequestBodies, RequestLogRow } from '../../db/queries/requests/list-requests.js';
import type { CredentialRow, ProviderRow, TeamRow } from '../../db/queries/rows.js';
import type { UsageSum } from '../../db/queries/usage/sum-usage.js';
import type { Json } from './api.js';

/** Answers of the admin API; the rows and sums are the server's own types. */
export type Status = Json<ReturnType<StatusOf>>;
export type Cache = Json<ReturnType<typeof describeCache>>;
export type Fleet = Json<DescribedFleet>;
export type Bodies = Json<RequestBodies>;
export type RequestRow = Json<RequestLogRow>;
export type Explanation = Json<RequestExplanation>;
export type Provider = Json<Omit<ProviderRow, 'api_key'>> & { api_key_preview: string };
export type Key = Json<Omit<CredentialRow, 'credential_key' | 'previous_key'>>;
export type Team = Json<TeamRow>;
export type Sum = Json<UsageSum>;
/** A kill switch that is thrown. */
export type Stop = StopRow & { id: number; created_at: string };
/** A budget and its spend; amounts are nano-dollars. */
export type Spent = Json<SpentBudget>;
export type Audit = Json<AuditEntry>;
export type {
  Budget,
  Canary,
  CanaryStatus,
  DoctorReport,
  Mirror,
  MirrorStatus,
  Selectors,
  SideStatus,
};
export type Version = Json<HistoryEntry>;

export interface RequestList {
  requests: RequestRow[];
  next_cursor: string | null;
}

export interface Usage {
  by: string | null;
  since: string;
  until: string;
  usage: Sum[];
  total: Sum;
  /** Sums of the period before, if asked for. */
  compared?: Pick<Usage, 'since' | 'until' | 'usage' | 'total'>;
}

export type Plan = Json<DescribedPlan>;

export interface ModelList {
  models: {
    model: string;
    candidates: {
      provider: string;
      model_sent: string;
      weight: number;
      priority: number;
      state: string;
      share: number | null;
      latency_ms: number | null;
      price: { input: number; output: number; max_input_tokens: number | null } | null;
    }[];
    /** With those that are not listed. */
    candidates_total: number;
    fallbacks: string[];
  }[];
  total: number;
}

export interface Checked {
  status: 'healthy' | 'unhealthy' | 'unknown';
  error: string | null;
  models: {
    model: string;
    status: string;
    response_time_ms: number | null;
    error: string | null;
  }[];
}
