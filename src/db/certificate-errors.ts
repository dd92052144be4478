const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const others: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
};

/**
 * The reason why a server's certificate is refused; null for other errors.
 * @param code of Node's error.
 * @param setting names the file of trusted authorities.
 */
export function certificateReason(code: string, setting: string): string | null {
  if (!unknownAuthority.has(code)) return others[code] ?? null;
  return `its certificate is from no known authority; ${setting} names a file of more`;
}
