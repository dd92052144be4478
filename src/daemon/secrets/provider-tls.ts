import { createSecureContext } from 'node:tls';
import type { ProviderParams, ProviderTls } from '../../config/configuration.js';
import { SecretError } from '../../config/secrets/secret-store.js';

/**
 * Provider params with what the files of `tls` hold, so that workers need not read them.
 * @throws SecretError where a file cannot be read, or holds no PEM, or the key is not the certificate's.
 */
export async function withTlsFiles(
  params: ProviderParams,
  read: (path: string) => Promise<string>,
): Promise<ProviderParams> {
  const { tls } = params;
  if (!tls) return params;
  const pem: NonNullable<ProviderTls['pem']> = {
    ...(tls.ca_file && { ca: await readPem('ca_file', tls.ca_file, read) }),
    ...(tls.cert_file && { cert: await readPem('cert_file', tls.cert_file, read) }),
    ...(tls.key_file && { key: await readPem('key_file', tls.key_file, read) }),
  };
  try {
    createSecureContext(pem);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SecretError(`or provider_params.tls cannot be used: ${why}`);
  }
  return { ...params, tls: { ...tls, pem } };
}

async function readPem(
  field: string,
  path: string,
  read: (path: string) => Promise<string>,
): Promise<string> {
  let text: string;
  try {
    text = await read(path);
  } catch (error) {
    throw new SecretError(
      `or provider_params.tls.${field} ${error instanceof Error ? error.message : error}`,
    );
  }
  // OpenSSL reads a file without any certificate as an empty list.
  if (text.includes('-----BEGIN ')) return text;
  throw new SecretError(`or provider_params.tls.${field} refers to ${path}, which holds no PEM`);
}
