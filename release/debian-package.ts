import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { renderUnit } from '../src/cli/daemon/systemd-unit.js';
import { archive } from './archive.js';

const home = '/usr/lib/llmproxy';
const settings = '/etc/llmproxy/llmproxy.yaml';

/**
 * Writes `llmproxy_VERSION_amd64.deb`: the bundle below /usr/lib/llmproxy, a unit, sysctl, manual
 * page, completion and settings. Debian's own tools are not needed: a package is an `ar` of two archives.
 * @param seconds since 1970: the time of every file in it.
 */
export function writeDeb({
  bundle,
  source,
  version,
  seconds,
  work,
  out,
}: {
  bundle: string;
  source: string;
  version: string;
  seconds: number;
  work: string;
  out: string;
}): void {
  const data = join(work, 'data');
  const put = (path: string, content: string | Buffer) => {
    const file = join(data, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, content);
  };
  mkdirSync(join(data, 'usr/lib'), { recursive: true });
  cpSync(bundle, join(data, home), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(data, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/llmproxy/bin/llmproxy', join(data, 'usr/bin/llmproxy'));
  const unit = readFileSync(join(source, 'systemd/llmproxy.service'), 'utf8');
  put('usr/lib/systemd/system/llmproxy.service', unitOf(unit));
  cpSync(
    join(source, 'systemd/90-llmproxy.conf'),
    makeFolder(data, 'usr/lib/sysctl.d/90-llmproxy.conf'),
  );
  const page = readFileSync(join(source, 'man/llmproxy.1'));
  put('usr/share/man/man1/llmproxy.1.gz', gzipSync(page, { level: 9 }));
  const completion = execFileSync(join(bundle, 'bin/llmproxy'), ['completion', 'bash']);
  put('usr/share/bash-completion/completions/llmproxy', completion);
  cpSync(join(source, 'LICENSE'), makeFolder(data, 'usr/share/doc/llmproxy/copyright'));
  put(settings, commentedOut(readFileSync(join(source, 'config/llmproxy.example.yaml'), 'utf8')));

  const control = join(work, 'control');
  mkdirSync(control);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    cpSync(join(source, 'release/debian', script), join(control, script));
    chmodSync(join(control, script), 0o755);
  }
  writeFileSync(join(control, 'conffiles'), `${settings}\n`);
  writeFileSync(join(control, 'control'), controlFile(version, kibibytes(data)));

  archive(data, join(work, 'data.tar.gz'), seconds, '.');
  archive(control, join(work, 'control.tar.gz'), seconds, '.');
  const members: [string, Uint8Array][] = [
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', readFileSync(join(work, 'control.tar.gz'))],
    ['data.tar.gz', readFileSync(join(work, 'data.tar.gz'))],
  ];
  writeFileSync(join(out, `llmproxy_${version}_amd64.deb`), arArchive(members, seconds));
}

/** The common format of `ar`: deb(5). */
export function arArchive(
  members: readonly (readonly [string, Uint8Array])[],
  seconds: number,
): Buffer {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')];
  for (const [name, content] of members) {
    const fields = [name.padEnd(16), String(seconds).padEnd(12), '0'.padEnd(6), '0'.padEnd(6)];
    fields.push('100644'.padEnd(8), String(content.length).padEnd(10), '`\n');
    parts.push(Buffer.from(fields.join('')), content);
    if (content.length % 2 === 1) parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}

function unitOf(template: string): string {
  return renderUnit(template, {
    node: `${home}/node`,
    root: `${home}/app`,
    settingsFile: null,
    account: 'llmproxy',
  });
}

/** Settings that all are their defaults: each is a comment until somebody changes it. */
export function commentedOut(example: string): string {
  return example.replace(/^(?!#|$)/gm, '#');
}

function controlFile(version: string, size: number): string {
  return [
    'Package: llmproxy',
    `Version: ${version}`,
    'Architecture: amd64',
    'Maintainer: the llmproxy authors <llmproxy@localhost>',
    `Installed-Size: ${size}`,
    'Depends: libc6 (>= 2.28), libstdc++6, passwd',
    'Section: net',
    'Priority: optional',
    'Description: self-hosted LLM gateway',
    ' Gives teams keys to several LLM providers through the APIs of OpenAI, Anthropic and Gemini,',
    ' with limits, budgets, metrics and failover. Brings its own Node and PostgreSQL.',
    '',
  ].join('\n');
}

function makeFolder(data: string, path: string): string {
  const file = join(data, path);
  mkdirSync(join(file, '..'), { recursive: true });
  return file;
}

function kibibytes(folder: string): number {
  const bytes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => statSync(join(folder, file), { throwIfNoEntry: false }))
    .reduce((sum, stat) => sum + (stat?.isFile() ? stat.size : 0), 0);
  return Math.ceil(bytes / 1024);
}
