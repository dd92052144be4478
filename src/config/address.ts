import { BlockList, isIP } from 'node:net';
import type { PrivateAddresses } from './settings-schema.js';

/** The error code of a connection that was not made because of this policy. */
export const forbiddenAddressCode = 'ERR_FORBIDDEN_ADDRESS';

/**
 * Why the gateway does not connect to an IP address, or null.
 * Link-local addresses and those where clouds serve their metadata are never used: what answers
 * there believes whoever reaches it.
 */
export function addressProblem(ip: string, privateAddresses: PrivateAddresses): string | null {
  const address = ip.replace(/%.*$/, '');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (always.check(address, family)) {
    return 'is a link-local or metadata address, which is never allowed';
  }
  if (privateAddresses === 'deny' && inside.check(address, family)) {
    return 'is a loopback or private address, which upstream.private_addresses forbids';
  }
  return null;
}

/**
 * The same for the host of a URL, as `URL.hostname` writes it. Names are only looked at here: what
 * they stand for is checked when a connection is made.
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

const inside = blockList([
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
  ['::', 127],
  ['fc00::', 7],
  ['fec0::', 10],
  ['ff00::', 8],
]);

/** With the forms of IPv6 that stand for IPv4: mapped, compatible, translated (NAT64) and 6to4. */
function blockList(subnets: readonly [address: string, bits: number][]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of subnets) {
    if (isIP(address) === 6) {
      list.addSubnet(address, bits, 'ipv6');
      continue;
    }
    list.addSubnet(address, bits, 'ipv4');
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const high = ((a << 8) | b).toString(16);
    const low = ((c << 8) | d).toString(16);
    list.addSubnet(`::ffff:${high}:${low}`, 96 + bits, 'ipv6');
    list.addSubnet(`64:ff9b::${high}:${low}`, 96 + bits, 'ipv6');
    list.addSubnet(`2002:${high}:${low}::`, 16 + bits, 'ipv6');
    if (a !== 0) list.addSubnet(`::${high}:${low}`, 96 + bits, 'ipv6');
  }
  return list;
}
