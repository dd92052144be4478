/** Variables of the system and the runtime. All others may be secrets, such as those of `env:NAME`. */
const needed =
  /^(PATH|HOME|TMPDIR|TZ|LANG|LANGUAGE|LC_\w+|NODE_\w+|UV_\w+|UWS_\w+|SSL_CERT_(FILE|DIR)|OPENSSL_CONF|LD_LIBRARY_PATH|(HTTPS?|ALL|NO)_PROXY|NOTIFY_SOCKET)$/i;

/**
 * The environment for a process of ours that needs no secret.
 * @returns what it gets; names that it does not get are there with no value.
 */
export function environmentWithoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      needed.test(name) ? value : undefined,
    ]),
  );
}
