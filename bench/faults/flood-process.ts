/**
 * `node flood-process.js URL KEY`: sends requests, four at once, until it is ended. Prints a line for each:
 * the times at which it was sent and answered, in milliseconds of the wall clock, and its status; 0 for none.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { sendChat } from '../../test/support/load.js';

const [url = '', key = ''] = process.argv.slice(2);

async function send(): Promise<never> {
  for (;;) {
    const sentMs = Date.now();
    const { status } = await sendChat({ url, key }, false);
    process.stdout.write(`${sentMs} ${Date.now()} ${status}\n`);
    await pause(20);
  }
}
await Promise.all([send(), send(), send(), send()]);
