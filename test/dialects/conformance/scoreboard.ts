import { codecs } from '../../../src/dialects/codecs.js';
import { conversationDialects } from '../../../src/dialects/conversation.js';
import { rows, type Score } from './score.js';

const words: Readonly<Record<Score, string>> = {
  exact: 'exact',
  told: 'reported',
  near: 'near',
  refused: 'refused',
  unsaid: '–',
  silent: 'SILENT',
};

/** The scoreboard as Markdown: a table for each dialect of a client, a column for each provider's. */
export function scoreboard(): string {
  return conversationDialects.map(clientTable).join('\n\n');
}

function clientTable(client: (typeof conversationDialects)[number]): string {
  const providers = conversationDialects.filter((dialect) => dialect !== client);
  const head = [`from \`${client}\` to`, ...providers.map((dialect) => `\`${dialect}\``)];
  const lines = rows.map(({ feature, score }) => [
    feature,
    ...providers.map((provider) => words[score(codecs[client], codecs[provider])]),
  ]);
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
