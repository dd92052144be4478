import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runProgram } from './executable.js';
import { testDirectory } from './postgres.js';

/** A certificate that is its own authority, and its key: paths of files. */
export async function certificate(name: string, alternative: string) {
  const directory = testDirectory();
  const files = { certificate: join(directory, 'c.pem'), key: join(directory, 'k.pem') };
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  args.push('-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', files.key);
  args.push('-out', files.certificate, '-addext', `subjectAltName=${alternative}`);
  const { code, output } = await runProgram('openssl', args);
  assert.equal(code, 0, output);
  return files;
}
