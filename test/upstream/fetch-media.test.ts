import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { resolveSettings, type Settings } from '../../src/config/settings/settings.js';
import { fetchMedia } from '../../src/upstream/fetch-media.js';

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

/** A server of files, and the paths that it was asked for. */
async function served(t: TestContext) {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const to = /^\/to\/(.*)$/.exec(url)?.[1];
    if (to !== undefined) response.writeHead(302, { location: decodeURIComponent(to) }).end();
    else if (url === '/text') response.writeHead(200, { 'content-type': 'text/html' }).end('<p>');
    else if (url === '/gone') response.writeHead(404, { 'content-type': 'image/png' }).end(png);
    else response.writeHead(200, { 'content-type': 'image/PNG; x=y' }).end(png);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, asked };
}

function settings(changes: Partial<Settings['upstream']>): Settings['upstream'] {
  return { ...resolveSettings({}, '/').settings.upstream, fetch_media: 'any', ...changes };
}

test('media are fetched as base64, also over redirects, and nothing that is none', async (t) => {
  const { url } = await served(t);
  const image = { mediaType: 'image/png', data: png.toString('base64') };
  const redirected = `${url}/to/${encodeURIComponent('/b.png')}`;
  const urls = [`${url}/a.png`, redirected, `${url}/text`, `${url}/gone`, 'ftp://x/y', 'nonsense'];
  const found = await fetchMedia(settings({}), urls);
  assert.deepEqual(
    [...found],
    [
      [`${url}/a.png`, image],
      [redirected, image],
    ],
  );
});

test('addresses of this machine and its network are refused, a redirect to them too', async (t) => {
  const { url, port, asked } = await served(t);
  const publicOnly = settings({ fetch_media: 'public' });
  const local = [`${url}/a.png`, `http://localhost:${port}/a.png`, `http://[::1]:${port}/a.png`];
  assert.equal((await fetchMedia(publicOnly, [...local, 'http://10.0.0.1/a.png'])).size, 0);
  assert.deepEqual(asked, []);
  const metadata = encodeURIComponent('http://169.254.169.254/latest/meta-data/');
  const name = encodeURIComponent('http://metadata.google.internal/');
  const found = await fetchMedia(settings({}), [`${url}/to/${metadata}`, `${url}/to/${name}`]);
  assert.equal(found.size, 0, 'not even where private addresses are allowed');
  const circle = `${url}/to/${encodeURIComponent('/to/%2Fto%2F%252Fto%252Fa')}`;
  await fetchMedia(settings({}), [circle]);
});

test('media beyond the total size or the twentieth are left out', async (t) => {
  const { url, asked } = await served(t);
  const two = await fetchMedia(
    settings({ max_media_bytes: 9 }),
    ['a', 'b', 'c'].map((path) => `${url}/${path}`),
  );
  assert.equal(two.size, 2);
  assert.equal((await fetchMedia(settings({ max_media_bytes: 3 }), [`${url}/a`])).size, 0);
  const before = asked.length;
  await fetchMedia(
    settings({}),
    Array.from({ length: 25 }, (_, i) => `${url}/${i}`),
  );
  assert.equal(asked.length - before, 20);
});
