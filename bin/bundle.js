import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { constants, Script } from 'node:vm';

/**
 * Compiles a bundle of `dist/app`, which takes a fraction of the time where `npm run app` has kept
 * the code that this very V8 makes of it; V8 itself refuses that of another version or other flags.
 * The code is trusted as the bundle is: it lies beside it, and nothing writes it but a build.
 * @param {string} name such as `cli/main`.
 * @returns {{ script: Script, run: () => unknown }} `run` evaluates the bundle, with modules of its
 *   own each time, and returns its exports.
 */
export function loadBundle(name) {
  const url = new URL(`../dist/app/${name}.cjs`, import.meta.url);
  const filename = fileURLToPath(url);
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    cachedData: codeOf(filename),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const run = () => {
    const module = { exports: {} };
    script.runInThisContext()(createRequire(url), module, url.href);
    return module.exports;
  };
  return { script, run };
}

/** The file with the compiled code of a bundle for this Node. */
export function codeFile(filename) {
  return `${filename}.${process.version}-${process.platform}-${process.arch}`;
}

function codeOf(filename) {
  try {
    return readFileSync(codeFile(filename));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
