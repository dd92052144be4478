/** Reasons for a refusal that may not apply to another model. */
export type ErrorKind = 'context_length' | 'content_policy';

/** Providers express it in a code, or only in a sentence. */
const signs: readonly [ErrorKind, RegExp][] = [
  [
    'context_length',
    new RegExp(
      [
        'context_(?:length|window)_exceeded',
        'model_max_prompt_tokens_exceeded',
        'maximum context (?:length|limit)',
        '(?:longer than|exceeds?|exceeding) (?:the |this |its )?(?:model.s |available |maximum |max )*context',
        'exceeds? the context window',
        'prompt is too long',
        'input is too long',
        'input (?:length|tokens?|token count).{0,80}exceeds? the (?:maximum|configured limit|limit)',
        'too many (?:input |total |prompt )?tokens',
        'inputs. tokens \\+ .max_new_tokens. must be',
      ].join('|'),
      'i',
    ),
  ],
  [
    'content_policy',
    new RegExp(
      [
        'content_policy_violation',
        'content_filter',
        'ResponsibleAIPolicyViolation',
        'content management policy',
        'content (?:filtering )?policy',
        'safety system',
        '(?:requires|by) moderation',
        'was flagged',
        'data_inspection_failed',
      ].join('|'),
      'i',
    ),
  ],
];

/** Errors about keys, unknown models, time and quota never concern a request's content. */
const otherStatuses = new Set([401, 402, 404, 407, 408, 409, 429]);

/** The kind of a provider's error, by status and body; null for all others. */
export function errorKindOf(status: number, body: string): ErrorKind | null {
  if (status < 400 || status >= 500 || otherStatuses.has(status)) return null;
  return signs.find(([, sign]) => sign.test(body))?.[0] ?? null;
}
