import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './process.js';
import type { Target, Upstream } from './target.js';

/** nginx as a fully tuned reverse proxy: the cost of a proxy in C. */
export const nginx: Target = {
  name: 'nginx',
  unavailable: () =>
    spawnSync('nginx', ['-v']).error === undefined ? null : 'nginx is not installed',
  start: async ({ upstream, directory, closers }) => {
    const port = await freePort();
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, configuration(directory, port, upstream));
    const { pid, ready } = startProcess({
      name: 'nginx',
      command: 'nginx',
      args: ['-e', 'stderr', '-p', directory, '-c', file],
      closers,
    });
    await ready(port, '/health');
    return { port, pid, headers: { authorization: 'Bearer bench' } };
  },
};

function configuration(directory: string, port: number, upstream: Upstream): string {
  const { certificate } = upstream;
  const tls =
    certificate === null
      ? ''
      : `
      proxy_ssl_name localhost;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${certificate};`;
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
${temporary}
  upstream provider {
    server 127.0.0.1:${upstream.port};
    keepalive 1024;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 100000000;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    location / {
      proxy_pass ${certificate === null ? 'http' : 'https'}://provider;${tls}
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer mock";
      proxy_buffering off;
    }
  }
}
`;
}
