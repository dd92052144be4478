import { query } from '../../changes/query.js';
import { type Budget, selectorsSchema } from '../../config/rows/budget.js';
import { unitNames } from '../../config/rows/price.js';
import { teamOfRole } from '../../config/settings/settings-types.js';
import { budgetTotals } from '../../db/queries/fleet/sync-budgets.js';
import type { Control } from '../control.js';
import { spentBudgetParameters, spentBudgets } from '../lists/spent-budgets.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import { paced } from '../pace.js';
import type { AdminRoute } from '../route.js';

const text = { type: 'string' };
const integer = { type: 'integer' };
const rates = {
  type: 'object',
  description: 'Nano-dollars per million tokens, or for one of another unit.',
  properties: Object.fromEntries(unitNames.map((unit) => [unit, integer])),
};
const price = object({ revision: text, source: text, name: text, rates });

/** Looked up before the event loop has a turn. */
const pricesInTurn = 50;

function priceNow({ prices }: Control, provider: string, model: string) {
  const found = prices.priceOf(provider, model, Date.now());
  if (!found) return null;
  const { revision, source, name, bands } = found;
  return { revision, source, name, rates: bands[0]?.standard };
}

/** `/admin/v1/spend/…`: prices of the models in use. */
export const spendRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/spend/models',
    access: 'admin',
    operation: {
      operationId: 'listPricedModels',
      summary: 'List the models that providers name, with their prices',
      description: 'By the active configuration, override files included.',
      tags: ['spend'],
      responses: {
        200: jsonResponse(
          'The models',
          object({
            models: {
              type: 'array',
              items: object({
                provider: text,
                model: text,
                price: {
                  anyOf: [price, { type: 'null' }],
                  description: 'Null: its requests have no cost.',
                },
              }),
            },
          }),
        ),
      },
    },
    handle: async (_, control) => {
      const { providers } = control.active().configuration;
      const models: object[] = [];
      const pace = paced(pricesInTurn);
      for (const { is_enabled, provider_key: provider, model_mapping } of providers) {
        if (!is_enabled) continue;
        const sent = new Set(Object.values(model_mapping).filter((name) => !name.includes('*')));
        for (const model of sent) {
          // A price that nobody has asked for yet is searched for.
          const turn = pace();
          if (turn) await turn;
          models.push({ provider, model, price: priceNow(control, provider, model) });
        }
      }
      return { status: 200, body: { models } };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/spend/budgets',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'listSpentBudgets',
      summary: 'List what is spent of each budget in its window',
      description: 'By the active configuration, override files included; as the ledger has it.',
      tags: ['spend'],
      parameters: spentBudgetParameters,
      responses: {
        200: jsonResponse(
          'The budgets',
          object({
            budgets: {
              type: 'array',
              items: object({
                name: text,
                applies_to: selectorsSchema,
                amount: integer,
                window: text,
                mode: text,
                is_enabled: { type: 'boolean' },
                window_start: { type: 'string', format: 'date-time' },
                resets_at: { type: ['string', 'null'], format: 'date-time' },
                spent_nano: integer,
                left_nano: integer,
                share: { type: 'number', description: 'Spent part of the amount, 1 for all.' },
                requests: integer,
              }),
            },
            total: { ...integer, description: 'Number of budgets that match, on all pages.' },
          }),
        ),
      },
    },
    handle: async ({ role, query: parameters }, control) => {
      const totals = await query(control, budgetTotals);
      const { budgets: all = [], credentials } = control.active().configuration;
      const own = teamOfRole(role);
      const keys = new Set(credentials.filter(({ team }) => team === own).map(({ name }) => name));
      const isOwn = ({ applies_to: { team, key } }: Budget) =>
        team === own || (key !== undefined && keys.has(key));
      const visible = own === null ? all : all.filter(isOwn);
      return { status: 200, body: spentBudgets(visible, totals, parameters, Date.now()) };
    },
  },
];
