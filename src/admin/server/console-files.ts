import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../errors.js';
import { inPackage } from '../../package.js';
import { type Content, content, once } from './docs-files.js';

const contentTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The built console. */
const files = once(() => {
  const folder = inPackage('dist/console');
  const all = new Map<string, Content>();
  for (const name of readdirSync(folder)) {
    const type = contentTypes[name.slice(name.lastIndexOf('.') + 1)];
    if (type) all.set(name, content(type, readFileSync(join(folder, name))));
  }
  return all;
});

/** @throws GatewayError `unknown_url`. */
export function consoleFile(name: string): Content {
  const found = files().get(name);
  if (found) return found;
  throw new GatewayError('unknown_url', `Unknown request URL: GET /console/${name}.`);
}

/** No foreign or inline content, and no framing. */
export const consoleHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};
