import { spawnSync } from 'node:child_process';
import type { Closers } from '../closers.js';

/** A simulated host on this machine, with its own network, processes and addresses. */
export interface TestHost {
  readonly name: string;
  readonly address: string;
  /** Words before a command that runs it there. */
  readonly command: readonly string[];
  /** Takes its cable out, or puts it back in. */
  connect(isConnected: boolean): void;
}

/** The reason that no namespaces can be made here, or null. */
export function noNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const probe = `llmproxy-probe-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', probe], { encoding: 'utf8' });
  if (made.error) return 'ip (iproute2) is not installed';
  spawnSync('ip', ['netns', 'delete', probe]);
  return made.status === 0 ? null : `ip netns: ${made.stderr.trim()}`;
}

/** Hosts 10.99.0.1, 10.99.0.2, … at one switch, in namespaces that the closers remove. */
export function makeHosts(closers: Closers, names: readonly string[]): TestHost[] {
  const space = (name: string) => `llmproxy-${process.pid}-${name}`;
  const add = (name: string) => {
    ip('netns', 'add', space(name));
    closers.push(() => ip('netns', 'delete', space(name)));
  };
  const hub = space('hub');
  add('hub');
  ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
  ip('-n', hub, 'link', 'set', 'switch', 'up');
  return names.map((name, index) => {
    const address = `10.99.0.${index + 1}`;
    const port = `port-${name}`;
    add(name);
    ip(
      '-n',
      hub,
      'link',
      'add',
      port,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      space(name),
    );
    ip('-n', hub, 'link', 'set', port, 'master', 'switch', 'up');
    ip('-n', space(name), 'address', 'add', `${address}/24`, 'dev', 'eth0');
    for (const link of ['lo', 'eth0']) ip('-n', space(name), 'link', 'set', link, 'up');
    return {
      name,
      address,
      command: ['ip', 'netns', 'exec', space(name)],
      connect: (isConnected) => ip('-n', hub, 'link', 'set', port, isConnected ? 'up' : 'down'),
    };
  });
}

/** @throws Error with the message of `ip`. */
function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}
