/** Whether only this machine can reach a listener on this host, or send from this address. */
export function isLoopback(host: string): boolean {
  if (host.startsWith('unix:')) return true;
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
