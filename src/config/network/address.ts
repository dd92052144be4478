import { BlockList, isIP } from 'node:net';
import { invisible } from '../../observe/visible.js';
import type { PrivateAddresses } from '../settings/settings-types.js';

/** Error code of a connection refused by this policy. */
export const forbiddenAddressCode = 'ERR_FORBIDDEN_ADDRESS';

/**
 * The reason not to connect to an IP address, or null. Link-local addresses and those of cloud
 * metadata services are never used: what answers there trusts anyone who can reach it.
 */
export function addressProblem(ip: string, privateAddresses: PrivateAddresses): string | null {
  const address = ip.replace(/%.*$/, '');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (always[family].check(address, family)) {
    return 'is a link-local or metadata address, which is never allowed';
  }
  if (privateAddresses === 'deny' && inside[family].check(address, family)) {
    return 'is a loopback, private or special-purpose address, which upstream.private_addresses forbids';
  }
  return null;
}

/**
 * The same for the host of a URL, as `URL.hostname` writes it. The addresses of a name are checked
 * when a connection is made.
 */
export function hostProblem(hostname: string, privateAddresses: PrivateAddresses): string | null {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(host)) return addressProblem(host, privateAddresses);
  if (metadataNames.has(host.toLowerCase())) return 'is the name of a metadata service';
  if (privateAddresses === 'deny' && /(?:^|\.)localhost$/i.test(host)) {
    return 'is this machine, which upstream.private_addresses forbids';
  }
  return null;
}

/** Characters that a URL parser drops or reads as something else. */
const unclear = new RegExp(`[\\s\\\\]|${invisible.source}`, 'u');

/** The reason that people or other programs could read a URL differently, or null. */
export function unclearProblem(url: string): string | null {
  return unclear.test(url)
    ? 'must not contain spaces, line breaks, backslashes or characters that cannot be seen'
    : null;
}

const metadataNames = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.tencentyun.com',
  'metadata.platformequinix.com',
]);

const always = blockList([
  ['169.254.0.0', 16],
  ['100.100.100.200', 32], // Alibaba Cloud
  ['192.0.0.192', 32], // Oracle Cloud
  ['168.63.129.16', 32], // Azure
  ['fe80::', 10],
  ['fd00:ec2::', 32], // AWS
  ['fd20:ce::254', 128], // Google Cloud
  ['fd00:42::42', 128], // Scaleway
]);

/**
 * The registries of special-purpose addresses (IANA, RFC 6890), site-local and multicast. The
 * well-known prefix of NAT64 (64:ff9b::/96), by which networks without IPv4 reach the internet, is
 * blocked only where it maps to one of these.
 */
const inside = blockList([
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16],
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 3],
  ['::', 96],
  ['::ffff:0:0', 96], // IPv4-mapped
  ['::ffff:0:0:0', 96], // IPv4-translated
  ['64:ff9b:1::', 48], // NAT64 of a network's own
  ['100::', 64], // discard
  ['100:0:0:1::', 64], // dummy
  ['2001::', 23], // protocols, such as Teredo
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
  ['5f00::', 16], // segment routing
  ['fc00::', 7],
  ['fec0::', 10],
  ['ff00::', 8],
]);

/**
 * Includes the IPv6 forms of IPv4 subnets: mapped, compatible, translated (RFC 7915, NAT64 with
 * either prefix) and 6to4.
 */
function blockList(subnets: readonly [address: string, bits: number][]) {
  // Two lists, since one list would match IPv4 with subnets of mapped addresses.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [address, bits] of subnets) {
    if (isIP(address) === 6) {
      lists.ipv6.addSubnet(address, bits, 'ipv6');
      continue;
    }
    lists.ipv4.addSubnet(address, bits, 'ipv4');
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const high = ((a << 8) | b).toString(16);
    const low = ((c << 8) | d).toString(16);
    for (const prefix of ['::ffff:', '::ffff:0:', '64:ff9b::', '64:ff9b:1::']) {
      lists.ipv6.addSubnet(`${prefix}${high}:${low}`, 96 + bits, 'ipv6');
    }
    lists.ipv6.addSubnet(`2002:${high}:${low}::`, 16 + bits, 'ipv6');
    if (a !== 0) lists.ipv6.addSubnet(`::${high}:${low}`, 96 + bits, 'ipv6');
  }
  return lists;
}
