/**
 * `node flood-process.js URL KEY`: sends requests, four at once, until it is ended. Prints a line for each:
 * the time at which it was sent, in milliseconds of the wall clock, and its status; 0 for none.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { sendChat } from '../../test/support/load.js';

const [url = '', key = ''] = process.argv.slice(2);

async function send(): Promise<never> {
  for (;;) {
    const atMs = Date.now();
    const { status } = await sendChat({ url, key }, false);
    process.stdout.write(`${atMs} ${status}\n`);
    await pause(20);
  }
}
await Promise.all([send(), send(), send(), send()]);
