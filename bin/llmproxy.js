#!/usr/bin/env node
try {
  await import('../dist/src/cli/main.js');
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const folder = decodeURIComponent(new URL('..', import.meta.url).pathname);
  process.stderr.write(`error: llmproxy is not built in ${folder}\nrun there: npm ci\n`);
  process.exitCode = 1;
}
