import { type Finding, failed, ok } from '../../admin/health/finding.js';
import type { Settings } from '../../config/settings/settings.js';
import type { OtlpSignal } from '../../observe/event.js';
import { errorMessage } from '../failure.js';

/** Sends an empty export to each configured OTLP receiver. */
export async function checkCollectors(settings: Settings): Promise<Finding[]> {
  const { traces, metrics, log } = settings;
  const urls: [OtlpSignal, string | null][] = [
    ['traces', traces.endpoint],
    ['metrics', metrics.otlp],
    ['logs', log.otlp],
  ];
  const checks = urls.map(([signal, url]) =>
    url === null ? [] : checkCollector(signal, url, settings),
  );
  return (await Promise.all(checks)).flat();
}

async function checkCollector(
  signal: OtlpSignal,
  url: string,
  settings: Settings,
): Promise<Finding> {
  const [{ targetAt }, { OtlpSender }] = await Promise.all([
    import('../../daemon/start/telemetry.js'),
    import('../../observe/otlp/post.js'),
  ]);
  const check = `OTLP ${signal}`;
  try {
    const target = await targetAt(url, signal, settings);
    const sender = new OtlpSender(target);
    const posted = await sender.post(new Uint8Array()).finally(() => sender.close());
    if (posted.outcome === 'taken') return ok(check, `${target.url} takes them`);
    const todo =
      'see that the collector runs and serves OTLP over HTTP; requests do not wait for it';
    return failed(check, `${target.url}: ${posted.reason}`, todo);
  } catch (error) {
    return failed(check, errorMessage(error), 'see the settings traces.headers and traces.tls');
  }
}
