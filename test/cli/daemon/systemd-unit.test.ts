import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderUnit } from '../../../src/cli/daemon/systemd-unit.js';

const template = [
  '#User=example',
  'User=example',
  'ExecStart=example',
  'WorkingDirectory=example',
  'ProtectHome=yes',
  'UMask=0077',
].join('\n');
const installation = {
  node: '/usr/bin/node',
  root: '/opt/llmproxy',
  settingsFile: null,
  account: 'gateway',
};

test('replaces the values of the installation, and keeps comments and the rest', () => {
  assert.equal(
    renderUnit(template, installation),
    [
      '#User=example',
      'User=gateway',
      'ExecStart=/usr/bin/node /opt/llmproxy/bin/llmproxy.js serve',
      'WorkingDirectory=/opt/llmproxy',
      'ProtectHome=yes',
      'UMask=0077',
    ].join('\n'),
  );
});

test('a settings file is named in the command', () => {
  const unit = renderUnit(template, { ...installation, settingsFile: '/etc/my file.yaml' });
  assert.match(unit, /serve --config "\/etc\/my file\.yaml"$/m);
});

test('spaces, quotes, specifiers and variables in a path are escaped', () => {
  const unit = renderUnit(template, { ...installation, root: '/opt/a "b" 100% $HOME' });
  assert.match(unit, /node "\/opt\/a \\"b\\" 100%% \$\$HOME\/bin\/llmproxy\.js" serve$/m);
  assert.match(unit, /^WorkingDirectory=\/opt\/a "b" 100%% \$HOME$/m);
});

test('an installation in a home directory is readable, and read-only', () => {
  for (const root of ['/home/ann/llmproxy', '/root/llmproxy']) {
    assert.match(renderUnit(template, { ...installation, root }), /^ProtectHome=read-only$/m);
  }
});

for (const name of ['llmproxy.service', 'user/llmproxy.service']) {
  test(`no core dump of ${name} can hold its keys`, () => {
    const unit = readFileSync(new URL(`../../../../systemd/${name}`, import.meta.url), 'utf8');
    assert.match(unit, /^\[Service\]$[^[]*^LimitCORE=0$/m);
  });

  test(`${name} has a directory for sockets, closed to others`, () => {
    const unit = readFileSync(new URL(`../../../../systemd/${name}`, import.meta.url), 'utf8');
    assert.match(
      unit,
      /^\[Service\]$[^[]*^RuntimeDirectory=llmproxy\nRuntimeDirectoryMode=07[05]0$/m,
    );
  });
}
