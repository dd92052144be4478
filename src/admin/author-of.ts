import type { ChangeAuthor } from '../changes/change-control.js';
import type { AdminRequest, Parameter } from './route.js';

/** The parameter `wait` of every operation that changes rows. */
export const waitParameter: Parameter = {
  name: 'wait',
  in: 'query',
  description:
    '`active`: answer when every worker uses the change. Otherwise the answer comes when the change is committed, a moment before it is used.',
  schema: { type: 'string', enum: ['active'] },
};

/** The author of the change that a request makes. */
export function authorOf({ actor, isCommand, query }: AdminRequest): ChangeAuthor {
  return { actor, isCommand, waits: query.get('wait') === 'active' };
}
