import { BlockList, isIP } from 'node:net';

/** The address of whatever connects to a unix socket, and its entry in `server.trusted_proxies`. */
export const unixPeer = 'unix:';

/** A set of addresses and networks, such as `192.0.2.7`, `10.0.0.0/8`, `fd00::/8`. */
export class Networks {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** @param entries valid ones: `networkProblem` returns null for each. */
  constructor(entries: readonly string[]) {
    this.#isEmpty = entries.length === 0;
    for (const entry of entries) {
      const { address, bits, family } = parse(entry);
      this.#list.addSubnet(address, bits, family);
    }
  }

  /** IPv4 mapped to IPv6 (`::ffff:192.0.2.7`) also matches as IPv4. */
  has(address: string): boolean {
    const version = this.#isEmpty ? 0 : isIP(address);
    return version !== 0 && this.#list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** The reason that this is neither an address nor a network, or null. */
export function networkProblem(entry: string): string | null {
  const { address, bits, family } = parse(entry);
  const valid = isIP(address) !== 0 && bits <= (family === 'ipv6' ? 128 : 32);
  return valid ? null : `"${entry}" is neither an IP address nor a network such as 10.0.0.0/8`;
}

function parse(entry: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } {
  const [, address = '', digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const isV6 = isIP(address) === 6;
  const bits = digits === undefined ? (isV6 ? 128 : 32) : Number(digits);
  return { address, bits, family: isV6 ? 'ipv6' : 'ipv4' };
}
