/**
 * Versions that were not bundled start their workers from this file, and would find none once the
 * package is replaced under them. This one does not speak their messages, so it has them start
 * their successor, as `llmproxy upgrade` does. Where that fails they ask again: they replace
 * workers that end.
 */
import process from 'node:process';

const askAgainMs = 3_000;

if (process.connected) process.kill(process.ppid, 'SIGUSR2');
setTimeout(() => process.exit(0), askAgainMs);
