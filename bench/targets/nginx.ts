import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import type { Closers } from '../closers.js';
import { makeDirectory } from '../directory.js';
import { chatOfBytes } from '../scenarios.js';
import { freePort, startProcess } from './process.js';
import type { Target, Upstream } from './target.js';

/** nginx as a fully tuned reverse proxy: the cost of a proxy in C. */
export const nginx: Target = {
  name: 'nginx',
  unavailable: nginxUnavailable,
  start: async ({ upstream, directory, closers }) => {
    const started = await startNginx(directory, closers, proxying(upstream));
    return { ...started, headers: { authorization: 'Bearer bench' } };
  },
};

/** The reason why there can be no nginx here, or null. */
export function nginxUnavailable(): string | null {
  return spawnSync('nginx', ['-v']).error === undefined ? null : 'nginx is not installed';
}

/** Starts an nginx that gives every chat the mock provider's answer to one. */
export async function startNginxUpstream(
  mock: Upstream,
  directory: string,
  closers: Closers,
): Promise<Upstream> {
  const { body } = await request(`${mock.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer mock' },
    body: chatOfBytes('gpt-4o', 220),
  });
  const answer = (await body.text()).replace(/[\\']/g, '\\$&');
  const own = makeDirectory(join(directory, 'upstream-'));
  const { port, pid } = await startNginx(own, closers, {
    http: '',
    location: `default_type application/json; return 200 '${answer}';`,
  });
  return { port, pid, origin: `http://127.0.0.1:${port}`, certificate: null };
}

/** Parts of a configuration: of the whole server, and of its one location. */
interface Served {
  http: string;
  location: string;
}

async function startNginx(directory: string, closers: Closers, served: Served) {
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, configuration(directory, port, served));
  const { pid, ready } = startProcess({
    name: 'nginx',
    command: 'nginx',
    args: ['-e', 'stderr', '-p', directory, '-c', file],
    closers,
  });
  await ready(port, '/health');
  return { port, pid };
}

function proxying({ port, certificate }: Upstream): Served {
  const tls =
    certificate === null
      ? ''
      : `
      proxy_ssl_name localhost;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${certificate};`;
  return {
    http: `
  upstream provider {
    server 127.0.0.1:${port};
    keepalive 1024;
    keepalive_requests 100000000;
  }`,
    location: `
      proxy_pass ${certificate === null ? 'http' : 'https'}://provider;${tls}
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer mock";
      proxy_buffering off;`,
  };
}

function configuration(directory: string, port: number, { http, location }: Served): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(directory, name)};`)
    .join('\n');
  return `
daemon off;
worker_processes 1;
pid ${join(directory, 'nginx.pid')};
error_log stderr error;
events {
  worker_connections 8192;
}
http {
  access_log off;
${temporary}${http}
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 100000000;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    location / {${location}
    }
  }
}
`;
}
