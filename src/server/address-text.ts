/** A socket's address; an IPv4 one that is mapped to IPv6 in its own form, empty if unknown. */
export function addressText(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
