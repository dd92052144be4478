/**
 * `node flood-process.js URL KEY PER_SECOND`: sends requests until it is ended, as many a second however long
 * the answers take. Prints a line for each: the times at which it was sent and answered, in milliseconds of
 * the wall clock, and its status; 0 for none.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { sendChat } from '../../test/support/load.js';

/** More would only wait in line with each other. */
const maxUnderWay = 100;

const [url = '', key = '', perSecond = '40'] = process.argv.slice(2);
const startMs = Date.now();
let sent = 0;
let underWay = 0;

async function send(): Promise<void> {
  const sentMs = Date.now();
  underWay++;
  const { status } = await sendChat({ url, key }, false);
  underWay--;
  process.stdout.write(`${sentMs} ${Date.now()} ${status}\n`);
}

for (;;) {
  const due = ((Date.now() - startMs) / 1_000) * Number(perSecond);
  // Those that could not be sent in time are left out.
  for (; sent < due; sent++) if (underWay < maxUnderWay) void send();
  await pause(5);
}
