/** True for a host or address that only this machine can reach or send from. */
export function isLoopback(host: string): boolean {
  if (host.startsWith('unix:')) return true;
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
