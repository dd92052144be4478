import { userIn, userName } from '../../dialects/body/said.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';

/** Maximum tags and their length; longer values are cut, never refused. */
const maxTags = 20;
const maxTagLength = 100;

/** The end user of a request: the one that `x-llmproxy-user` names, else its body. */
export function endUserOf(
  exchange: Exchange,
  request: ModelRequest,
  { said }: Dialect,
): string | null {
  return userName(exchange.header('x-llmproxy-user')) ?? userIn(request, said);
}

/** The tags of a request: its key's, then those of `x-llmproxy-tags`, separated by commas. */
export function tagsOf(exchange: Exchange, { tags }: RoutedCredential): readonly string[] {
  const header = exchange.header('x-llmproxy-tags');
  if (header === '') return tags;
  const named = header.split(',', maxTags).map((tag) => tag.trim().slice(0, maxTagLength));
  return [...new Set([...tags, ...named.filter((tag) => tag !== '')])];
}
