#!/usr/bin/env node
// An older Node must be able to read this file: on the others it would fail with a syntax error.
import process from 'node:process';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 18)) {
  process.stderr.write(`llmproxy needs Node 20.18 or newer, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  try {
    await import('../dist/app/cli/main.js');
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const folder = decodeURIComponent(new URL('..', import.meta.url).pathname);
    process.stderr.write(`error: llmproxy is not built in ${folder}\nrun there: npm ci\n`);
    process.exitCode = 1;
  }
}
