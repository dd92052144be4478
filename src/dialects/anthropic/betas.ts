/**
 * Betas of the messages API that other clouds support, by name without date: a cloud refuses a
 * request with an unknown one. Sources: Amazon Bedrock's and Google Cloud's pages on Claude's
 * request parameters.
 */
const onBoth = [
  'computer-use',
  'context-1m',
  'context-management',
  'dev-full-thinking',
  'effort',
  'fine-grained-tool-streaming',
  'interleaved-thinking',
  'output-128k',
  'token-efficient-tools',
  'tool-examples',
  'tool-search-tool',
];

const known: Readonly<Record<'bedrock' | 'vertex', ReadonlySet<string>>> = {
  bedrock: new Set(onBoth),
  vertex: new Set([...onBoth, 'prompt-caching', 'web-search']),
};

/** The betas in an `anthropic-beta` header that a cloud supports. */
export function betasOn(cloud: keyof typeof known, header: string): string[] {
  return header
    .split(',')
    .map((beta) => beta.trim())
    .filter((beta) => known[cloud].has(beta.replace(/-\d{4}-\d{2}-\d{2}$/, '')));
}
