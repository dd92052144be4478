import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../support/ask.js';
import type { Daemon } from '../support/daemon.js';
import { startGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { answerChat, chatCompletion, startUpstream } from '../support/upstream.js';

const email = 'alice@example.com';

test('guardrails have commands, history, documents, override files and reports', async (t) => {
  const { daemon, providers, key } = await startGateway(t, { p: {} });
  const { cli, url, adminKey } = daemon;
  const json = async (args: string[]) => JSON.parse((await cli([...args, '--json'])).stdout);
  const say = (content: string, more: object = {}) =>
    askChat(url, key, 'm', { messages: [{ role: 'user', content }], ...more });

  const added = await json([
    'guardrails',
    'add',
    'no-pii',
    '--kind',
    'pii',
    '--entities',
    'email,card',
  ]);
  assert.equal(added.kind, 'pii');
  assert.equal(added.mode, 'enforce');
  assert.equal(added.on_error, 'closed');
  assert.deepEqual(added.config, { entities: ['email', 'card'] });

  const answered = await say(`Mail ${email}`);
  assert.equal(answered.status, 200, answered.text);
  assert.match(providers.p?.received.at(-1)?.body.toString() ?? '', /Mail \[EMAIL_1\]/);

  const tried = await json(['guardrails', 'test', 'no-pii', `to ${email}`]);
  assert.equal(tried.verdict, 'edited');
  assert.equal(tried.text, 'to [EMAIL_1]');
  assert.deepEqual(tried.found, ['email']);

  const edited = await json(['guardrails', 'edit', 'no-pii', '--action', 'deny']);
  assert.deepEqual(edited.config, { entities: ['email', 'card'], action: 'deny' });
  const refused = await say(`Mail ${email}`);
  assert.equal(refused.status, 400);
  assert.equal(JSON.parse(refused.text).error.code, 'guardrail_blocked');
  const id = String(refused.headers['x-request-id']);

  const explained = await json(['explain', id]);
  assert.deepEqual(explained.guardrails, [
    {
      guardrail: 'no-pii',
      kind: 'pii',
      phase: 'request',
      verdict: 'refused',
      found: ['email'],
      took_ms: 0,
    },
  ]);
  assert.match(
    (await cli(['explain', id])).stdout,
    /Guardrails[\s\S]*no-pii +pii +request +refused +email/,
  );

  const rowOf = async () => {
    const [row] =
      await daemon.sql`SELECT guardrails, error FROM request_logs WHERE request_id = ${id}`;
    return row;
  };
  await until('the row is stored', async () => (await rowOf()) !== undefined);
  assert.equal((await rowOf())?.guardrails[0].guardrail, 'no-pii');
  assert.equal((await rowOf())?.error, 'guardrail_blocked');
  const listed = await json(['requests', '--since', '1h']);
  assert.ok(JSON.stringify(listed).includes('"no-pii"'));
  const every = JSON.stringify(await daemon.sql`SELECT * FROM request_logs`);
  assert.ok(!every.includes('alice@'), 'no row has the text');

  const { text: metrics } = await ask(`${url}/metrics`);
  assert.match(
    metrics,
    /llm_proxy_guardrail_checks_total\{guardrail="no-pii",kind="pii",phase="request",verdict="refused"\} 1/,
  );
  assert.match(
    metrics,
    /llm_proxy_guardrail_checks_total\{guardrail="no-pii",kind="pii",phase="request",verdict="edited"\} 1/,
  );

  const { text: exported } = { text: (await cli(['config', 'export'])).stdout };
  assert.match(exported, /guardrails:\n {2}no-pii:\n {4}kind: pii/);
  const file = join(daemon.home, 'more.yaml');
  writeFileSync(
    file,
    'guardrails:\n  words:\n    kind: regex\n    config:\n      patterns: [{name: x, pattern: "xyzzy"}]\n',
  );
  const plan = (await cli(['config', 'plan', file])).stdout;
  assert.match(plan, /guardrail words/);
  assert.equal((await cli(['config', 'apply', file, '--yes'])).code, 0);
  assert.equal((await say('say xyzzy')).status, 400);
  assert.match(
    (await cli(['guardrails', 'list'])).stdout,
    /words +regex +enforce +request, answer +all requests +closed/,
  );
  assert.match((await cli(['audit', 'list'])).stdout, /guardrail +words/);

  const one = 'guardrails: {words: {mode: monitor}}';
  const planned = await cli(['config', 'plan', '-'], { stdin: one });
  assert.match(planned.stdout, /guardrail words[\s\S]*mode/, planned.stderr);
  assert.doesNotMatch(planned.stdout, /patterns|phases|config/);
  const applied = await apply(daemon, one);
  assert.equal(applied.status, 200, applied.text);
  assert.equal((await say('say xyzzy')).status, 200);
  const { version } = JSON.parse(applied.text);
  await cli(['config', 'rollback', String(version - 1), '--yes']);
  assert.equal((await say('say xyzzy')).status, 400);

  mkdirSync(daemon.overridesDir, { recursive: true });
  writeFileSync(join(daemon.overridesDir, '10.yaml'), 'guardrails:\n  words:\n    mode: monitor\n');
  await until('the override file is used', async () => (await say('say xyzzy')).status === 200);

  const shown = await ask(`${url}/admin/v1/guardrails/words`, { headers: bearer(adminKey) });
  assert.equal(JSON.parse(shown.text).guardrail.config.patterns[0].pattern, 'xyzzy');

  const wrong = await cli(['guardrails', 'add', 'bad', '--kind', 'regex', '--pattern', 'x=(']);
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /config\.patterns\.0\.pattern: is not a regular expression/);
  const other = await cli(['guardrails', 'add', 'bad', '--kind', 'pii', '--max-tools', '3']);
  assert.match(other.stderr, /config\.max_tools: is no setting of the kind pii/);
  const hook = await startUpstream(t, answerChat);
  const noWebhook = ['guardrails', 'add', 'bad', '--kind', 'webhook', '--url', hook.url];
  const unsaid = await cli(noWebhook, { env: { ADMIN_KEY: adminKey } });
  assert.match(unsaid.stderr, /--webhook is missing/);
  assert.deepEqual([unsaid.code, hook.received], [2, []], 'the admin key is sent nowhere');
  const set = ['--setting', `url=${hook.url}`];
  const bySetting = await cli([
    'guardrails',
    'add',
    'ours',
    '--kind',
    'webhook',
    '--disabled',
    ...set,
  ]);
  assert.equal(bySetting.code, 0, bySetting.stderr);

  assert.equal((await cli(['guardrails', 'delete', 'no-pii', '--yes'])).code, 0);
  assert.equal((await say(`Mail ${email}`)).status, 200);
});

test('a webhook signs with a secret of the machine, and no admin key may name another one', async (t) => {
  const held: (() => void)[] = [];
  const verdicts = { areHeld: false };
  const hook = await startUpstream(t, (_request, response) => {
    const send = (text: string) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    if (verdicts.areHeld) held.push(() => send('{"verdict":"refuse"}'));
    else send('{"verdict":"pass"}');
  });
  const { daemon, key } = await startGateway(
    t,
    { p: {} },
    { env: { GUARD_SECRET: 'whsec-of-the-machine' } },
  );
  daemon.secrets.add('whsec-of-the-machine');
  const { cli, url, adminKey } = daemon;
  const args = ['guardrails', 'add', 'ours', '--kind', 'webhook', '--webhook', hook.url];
  const added = await cli([...args, '--secret-env', 'GUARD_SECRET', '--json']);
  assert.equal(added.code, 0, added.stderr);
  assert.equal(JSON.parse(added.stdout).config.secret, 'env:GUARD_SECRET');
  assert.equal((await askChat(url, key, 'm')).status, 200);
  assert.match(
    String(hook.received[0]?.headers['x-llmproxy-signature']),
    /^t=\d+,v1=[0-9a-f]{64}$/,
  );

  const body = (secret: string) => JSON.stringify({ config: { url: hook.url, secret } });
  const put = (secret: string) =>
    ask(`${url}/admin/v1/guardrails/ours`, {
      method: 'PUT',
      headers: bearer(adminKey),
      body: body(secret),
    });
  const refused = await put('env:HOME');
  assert.equal(refused.status, 400);
  assert.match(refused.text, /config\.secret: must not refer to the variable HOME/);
  assert.equal((await put('env:GUARD_SECRET')).status, 200);
  assert.match((await put('whsec-in-clear')).text, /invalid_request/);

  await cli(['guardrails', 'edit', 'ours', '--secret-env', 'NOT_SET_AT_ALL']);
  const failed = await askChat(url, key, 'm');
  assert.equal(JSON.parse(failed.text).error.code, 'guardrail_failed');

  const document = 'guardrails: {ours: {mode: monitor, phases: [answer]}}';
  assert.equal((await apply(daemon, document)).status, 200);
  const whole = `guardrails: {ours: {config: {url: "${hook.url}", timeout_ms: 60000}}}`;
  assert.equal((await apply(daemon, whole)).status, 200);
  verdicts.areHeld = true;
  const passed = await askChat(url, key, 'm');
  assert.equal(passed.status, 200);
  const verdict = await until('the check', () => held[0]);
  const stopped = daemon.stop();
  const isOver = ({ status }: { status: number }) => status !== 200;
  // Nobody accepts connections any more.
  await until('it takes no requests', () =>
    ask(`${url}/health`, { signal: AbortSignal.timeout(500) }).then(isOver, () => true),
  );
  verdict();
  assert.equal(await stopped, 0);
  const [row] = await daemon.sql`
    SELECT guardrails FROM request_logs WHERE request_id = ${String(passed.headers['x-request-id'])}`;
  assert.equal(row?.guardrails[0].verdict, 'would_refuse', 'a stop waits for the verdict');
});

function apply({ url, adminKey }: Daemon, document: string) {
  return ask(`${url}/admin/v1/config/apply?wait=active`, {
    method: 'POST',
    headers: bearer(adminKey),
    body: JSON.stringify({ document, message: 'a try' }),
  });
}

test('stored bodies exclude refused requests, and contain the edits of guardrails', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    const said = chatCompletion().replace('"ok"', `"to bob@example.com"`);
    response.writeHead(200, { 'content-type': 'application/json' }).end(said);
  });
  const { daemon } = await startGateway(t, {});
  await daemon.addProvider('q', { api_base: upstream.url });
  const key = await daemon.addKey('keeps', { store_bodies: true });
  await daemon.cli(['guardrails', 'add', 'pii', '--kind', 'pii']);
  await daemon.cli(['guardrails', 'add', 'no', '--kind', 'regex', '--pattern', 'x=xyzzy']);
  const say = (content: string) =>
    askChat(daemon.url, key, 'm', { messages: [{ role: 'user', content }] });
  await say(`from ${email}`);
  await say(`xyzzy ${email}`);
  const rows = () =>
    daemon.sql`SELECT request_body, response_body FROM request_logs ORDER BY started_at`;
  await until('both rows are stored', async () => (await rows()).length === 2);
  const [first, second] = await rows();
  assert.match(first?.request_body, /from \[EMAIL_1\]/);
  assert.match(first?.response_body, /to \[EMAIL_2\]/);
  assert.equal(second?.request_body, '');
});
