/** Measures the latency that large prompts in flight add to small requests; `--translated 1` translates them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway, startMock } from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { chatOfBytes } from '../scenarios.js';

const path = '/v1/chat/completions';
const defaults = {
  seconds: 5,
  'per-second': 500,
  kilobytes: 1000,
  'large-per-second': 10,
  translated: 0,
};

await run(defaults, async (options, closers) => {
  const gateway = await startGateway(closers, { workers: 1 });
  // Each kind has its own provider, or small requests would also wait behind large ones there.
  for (const model of ['small', 'large']) {
    const mock = await startMock(closers);
    const isTranslated = model === 'large' && options.translated === 1;
    const provider_type = isTranslated ? 'anthropic' : 'openai';
    await gateway.addProvider(model, mock.url, {
      provider_type,
      model_mapping: { [model]: model },
    });
  }
  const target = { port: gateway.port, headers: { authorization: `Bearer ${gateway.key}` } };
  const [small, large] = [startGenerator(), startGenerator()];
  for (const generator of [small, large]) closers.push(() => generator.close());
  const measure = async (beside: string) => {
    say(beside);
    const pace = { kind: 'open', perSecond: options['per-second'] } as const;
    await small.start(jobFor(target, { path, body: chatOfBytes('small', 220) }, pace));
    await sleep(1000);
    await small.mark();
    await sleep(options.seconds * 1000);
    const { whole, requests, errors } = await small.mark();
    await small.stop();
    const { p50, p99, p999, max } = whole;
    const latency = { p50: p50 ?? 0, p99: p99 ?? 0, 'p99.9': p999 ?? 0, max: max ?? 0 };
    return { beside, requests, errors, ...latency };
  };
  await measure('to warm up');
  const alone = await measure('nothing');
  const body = chatOfBytes('large', options.kilobytes * 1000);
  const pace = { kind: 'open', perSecond: options['large-per-second'] } as const;
  await large.start(jobFor(target, { path, body }, pace));
  const beside = await measure(`${options['large-per-second']} a second`);
  const counts = await large.mark();
  await large.stop();
  if (counts.requests === 0) throw new Error(`no large prompt was answered: ${counts.lastError}`);
  printTable([alone, beside]);
});
