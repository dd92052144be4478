/** Tokens of one request. Cached tokens are part of the prompt, reasoning of the completion. */
export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
  /** Absent where all of it is plain text at the standard rate. */
  classes?: UsageClasses | null;
}

/**
 * The chargeable usage of a request, in disjoint classes, except `reasoning`, which is part of
 * `output`. Every dialect's usage is brought into this form, whatever its counts include.
 */
export interface UsageClasses {
  /** Tokens neither read from a cache nor written to one, nor of audio or images. */
  input: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  audioInput: number;
  imageInput: number;
  /** Tokens of text, reasoning included. */
  output: number;
  reasoning: number;
  audioOutput: number;
  imageOutput: number;
  /** Pictures made. */
  images: number;
  /** Characters of text that is spoken. */
  characters: number;
  /** Seconds of audio heard or made. */
  seconds: number;
  /** Searches of the web that the provider ran. */
  searches: number;
  /** Searches of stored files that it ran. */
  fileSearches: number;
  /** Containers in which it ran code. */
  containers: number;
  /** The rate that was charged; null: the standard one. */
  tier: ServiceTier | null;
}

export const serviceTiers = ['batch', 'flex', 'priority'] as const;
export type ServiceTier = (typeof serviceTiers)[number];

export const noClasses: Readonly<UsageClasses> = {
  input: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  audioInput: 0,
  imageInput: 0,
  output: 0,
  reasoning: 0,
  audioOutput: 0,
  imageOutput: 0,
  images: 0,
  characters: 0,
  seconds: 0,
  searches: 0,
  fileSearches: 0,
  containers: 0,
  tier: null,
};

/** Use of a provider's own tools that it charges for beside the tokens of its answer. */
export type ToolUse = Pick<
  UsageClasses,
  'imageInput' | 'imageOutput' | 'images' | 'searches' | 'fileSearches' | 'containers'
>;

/** More than any request has. */
const maxTokens = 2_147_483_647;

/** Null where a count is not a possible one: then the tokens are estimated. */
export function usageOf(promptTokens: number, completionTokens: number): TokenUsage | null {
  return promptTokens + completionTokens > maxTokens ? null : { promptTokens, completionTokens };
}

/** The classes of a usage; of one that was only counted, all is plain text. */
export function classesOf({ promptTokens, completionTokens, classes }: TokenUsage): UsageClasses {
  return classes ?? { ...noClasses, input: promptTokens, output: completionTokens };
}

/** All tokens that went in. */
export function inputTokens(of: UsageClasses): number {
  return (
    of.input + of.cacheRead + of.cacheWrite5m + of.cacheWrite1h + of.audioInput + of.imageInput
  );
}

/** All tokens that came out. */
export function outputTokens({ output, audioOutput, imageOutput }: UsageClasses): number {
  return output + audioOutput + imageOutput;
}

/** Null where a count is not a possible one: then the tokens are estimated. */
export function usageOfClasses(classes: UsageClasses): TokenUsage | null {
  const usage = usageOf(inputTokens(classes), outputTokens(classes));
  if (usage && !isPlain(classes)) usage.classes = classes;
  return usage;
}

/** The usage with that of the provider's tools; null: there is none. */
export function withToolUse(usage: TokenUsage, tools: ToolUse | null): TokenUsage {
  return tools ? (usageOfClasses(plusTools(classesOf(usage), tools)) ?? usage) : usage;
}

/** Searches that the usage itself reports are not counted again. */
export function plusTools<Classes extends ToolUse>(classes: Classes, tools: ToolUse): Classes {
  return {
    ...classes,
    imageInput: classes.imageInput + tools.imageInput,
    imageOutput: classes.imageOutput + tools.imageOutput,
    images: classes.images + tools.images,
    searches: classes.searches || tools.searches,
    fileSearches: classes.fileSearches || tools.fileSearches,
    containers: tools.containers,
  };
}

/** The same, charged at another rate than the standard one. */
export function withTier(usage: TokenUsage, tier: ServiceTier | null): TokenUsage {
  return tier === null ? usage : { ...usage, classes: { ...classesOf(usage), tier } };
}

const special = (Object.keys(noClasses) as (keyof UsageClasses)[]).filter(
  (name) => name !== 'input' && name !== 'output',
);

function isPlain(classes: UsageClasses): boolean {
  for (const name of special) if (classes[name]) return false;
  return true;
}

/** Counts of a dialect whose totals include their parts. */
export interface InclusiveCounts {
  input: number;
  cacheRead: number;
  cacheWrite: number;
  audioInput: number;
  imageInput: number;
  output: number;
  reasoning: number;
  audioOutput: number;
  imageOutput: number;
}

/** Takes the parts out of their totals. Parts that exceed their total are cut: it is what is charged. */
export function disjoint(counts: InclusiveCounts): UsageClasses {
  let left = counts.input;
  const part = (count: number) => {
    const taken = Math.min(count, left);
    left -= taken;
    return taken;
  };
  const cacheRead = part(counts.cacheRead);
  const cacheWrite5m = part(counts.cacheWrite);
  const audioInput = part(counts.audioInput);
  const imageInput = part(counts.imageInput);
  const input = left;
  left = counts.output;
  const audioOutput = part(counts.audioOutput);
  const imageOutput = part(counts.imageOutput);
  const output = left;
  const reasoning = Math.min(counts.reasoning, output);
  return {
    ...noClasses,
    input,
    cacheRead,
    cacheWrite5m,
    audioInput,
    imageInput,
    output,
    reasoning,
    audioOutput,
    imageOutput,
  };
}

/** The members of a usage object that are numbers of tokens; the others are absent or null. */
export type Counts<Name extends string> = { readonly [K in Name]?: number | null };

/** False if one of these members is present and not a number of tokens. */
export function hasCounts<Usage, Name extends string>(
  usage: Usage,
  names: readonly Name[],
): usage is Usage & Counts<Name> {
  for (const name of names) {
    const value: unknown = (usage as Record<string, unknown>)[name] ?? 0;
    if (!Number.isSafeInteger(value) || (value as number) < 0) return false;
  }
  return true;
}
