import { GatewayError } from '../../errors.js';
import { inPackage } from '../../package.js';

const built = inPackage('dist/');

/**
 * True for the error of a file of this program, or of a package that it needs, that is not there:
 * somebody has replaced them while the program runs.
 */
export function isReplaced(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = '', path = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return path.startsWith(built);
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

export function replacedFiles(): GatewayError {
  const message =
    'The files of llmproxy were replaced while it runs, and this request needs one of them: run llmproxy upgrade, which starts the new version and drops no request.';
  return new GatewayError('unavailable', message);
}
