import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostProblem } from '../../../src/config/network/address.js';
import { apiBaseProblem, providerProblems } from '../../../src/config/provider-problems.js';
import { provider } from '../configuration-for-test.js';

const never = [
  '169.254.169.254',
  '169.254.0.1',
  '2852039166', // 169.254.169.254 as one number
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '169.254.43518',
  '100.100.100.200',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '[64:ff9b::169.254.169.254]',
  '[2002:a9fe:a9fe::1]',
  '[::169.254.169.254]',
  '[::ffff:0:169.254.169.254]',
  '[64:ff9b:1::169.254.169.254]',
  'metadata.google.internal',
  'METADATA.google.internal.',
  'metadata',
];

const inside = [
  '127.0.0.1',
  '127.1',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '[::1]',
  '[::]',
  '[fd12::1]',
  '[::ffff:10.0.0.1]',
  'localhost',
  'vllm.localhost',
  '192.0.0.9',
  '192.0.2.1',
  '192.31.196.1',
  '192.52.193.1',
  '192.88.99.1',
  '192.88.99.255',
  '192.175.48.1',
  '198.19.255.255',
  '198.51.100.255',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::8.8.8.8]',
  '[::ffff:8.8.8.8]',
  '[::ffff:0:8.8.8.8]',
  '[::ffff:0:200.1.1.1]',
  '[64:ff9b::10.0.0.1]',
  '[64:ff9b:1::8.8.8.8]',
  '[64:ff9b:1:ffff::1]',
  '[100::1]',
  '[100:0:0:1::1]',
  '[2001::1]',
  '[2001:0:4136:e378::1]',
  '[2001:2::1]',
  '[2001:20::1]',
  '[2001:1ff:ffff::1]',
  '[2001:db8::1]',
  '[2002:808:808::1]',
  '[2620:4f:8000::1]',
  '[3fff:fff::1]',
  '[5f00::1]',
  '[fec0::1]',
  '[ff02::1]',
];

const outside = [
  '8.8.8.8',
  '172.32.0.1',
  '169.253.1.1',
  '192.0.1.1',
  '192.0.3.1',
  '192.88.98.1',
  '192.88.100.1',
  '198.17.1.1',
  '198.20.1.1',
  '223.255.255.255',
  '[64:ff9b::8.8.8.8]',
  '[2001:200::1]',
  '[2001:4860:4860::8888]',
  '[2003::1]',
  '[2606:4700::1111]',
  '[2620:4f:8001::1]',
  '[3ffe::1]',
  'api.openai.com',
];

test('metadata and link-local addresses are refused however they are written', () => {
  for (const host of never) {
    for (const policy of ['allow', 'deny'] as const) {
      assert.match(apiBaseProblem(`http://${host}/v1`, policy) ?? '', /its host .* is /, host);
    }
  }
});

test('loopback and private addresses are refused only by policy', () => {
  for (const host of inside) {
    assert.equal(apiBaseProblem(`http://${host}:8000/v1`, 'allow'), null, host);
    assert.match(
      apiBaseProblem(`http://${host}:8000/v1`, 'deny') ?? '',
      /upstream\.private_addresses forbids/,
      host,
    );
  }
});

test('public addresses and names are never refused', () => {
  for (const host of outside) {
    assert.equal(apiBaseProblem(`https://${host}/v1`, 'deny'), null, host);
    assert.equal(hostProblem(host, 'deny'), null, host);
  }
});

test('the error of a provider names the field', () => {
  const [problem] = providerProblems(
    provider('a', { api_base: 'http://169.254.169.254/v1' }),
    'table providers',
  );
  assert.deepEqual(problem, {
    source: 'table providers',
    path: 'providers.a.api_base',
    reason: 'its host 169.254.169.254 is a link-local or metadata address, which is never allowed',
  });
});
