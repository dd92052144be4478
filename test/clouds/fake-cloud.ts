import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { CloudContext } from '../../src/clouds/token-request.js';
import { resolveSettings } from '../../src/config/settings/settings.js';

export interface CloudRequest {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  /** Fields of a form. */
  fields: Record<string, string>;
}

/** A service of a cloud on loopback. */
export async function fakeCloud(
  t: TestContext,
  answer: (request: CloudRequest) => unknown,
): Promise<{ url: string; asked: CloudRequest[] }> {
  const asked: CloudRequest[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    const { method = '', url: path = '', headers } = request;
    const fields = Object.fromEntries(new URLSearchParams(body));
    const seen = { method, path, headers, body, fields };
    asked.push(seen);
    const said = answer(seen);
    if (typeof said === 'number') response.writeHead(said).end('<p>no</p>');
    else response.end(typeof said === 'string' ? said : JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** @param files contents by path. */
export function cloudContext(
  env: Record<string, string> = {},
  files: Record<string, string> = {},
  now: () => number = Date.now,
): CloudContext {
  const { upstream } = resolveSettings({}, '/').settings;
  return {
    upstream,
    env: { HOME: '/nowhere', ...env },
    readFile: async (path) => files[path] ?? Promise.reject(new Error(`${path} is not there`)),
    writeFile: async (path, text) => {
      files[path] = text;
    },
    runsProcesses: false,
    now,
  };
}
