import { certificateReason } from '../../db/certificate-errors.js';

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ECONNRESET: 'it closes the connection; if it expects TLS, the URL begins with rediss://',
  ENOTFOUND: 'the host name is unknown',
};

/** By the word that the error of a server begins with. */
const refusals: Readonly<Record<string, string>> = {
  WRONGPASS: 'the user name or password is wrong (fleet.valkey_url)',
  NOAUTH: 'it wants a password: fleet.valkey_url has none',
  OOM: 'its memory is full: raise its maxmemory, or name another server in fleet.valkey_url',
  READONLY: 'it is a read-only replica: fleet.valkey_url must name the primary',
  MISCONF: 'it takes no writes since it cannot save to its disk',
  NOREPLICAS: 'it takes no writes since it has too few replicas',
  LOADING: 'it is loading its data',
  MASTERDOWN: 'it is a replica without its primary: fleet.valkey_url must name the primary',
  MOVED:
    'it is a node of a cluster, and another one has the keys: fleet.valkey_url must name that one',
  CLUSTERDOWN: 'it is a node of a cluster that is down',
};

/**
 * The reason for people of an error of the connection or of the server, with the setting to change; the
 * message itself where nothing is known about it.
 */
export function valkeyReason(error: Error): string {
  const { message } = error;
  const code = String(Reflect.get(error, 'code') ?? '');
  const [word = ''] = message.split(' ');
  if (Object.hasOwn(refusals, word)) return refusals[word] ?? message;
  if (/^NOPERM|ACL failure in script|user executing the script can't/.test(message)) {
    return `its user may do too little (fleet.valkey_url; docs/fleet.md lists what is needed): ${firstSentence(message)}`;
  }
  if (/DB index is out of range/.test(message)) {
    return 'it has no database of that number: see the end of fleet.valkey_url';
  }
  if (/unknown command/i.test(message)) {
    return `a command that limits need is renamed or disabled there: ${firstSentence(message)}`;
  }
  return reasons[code] ?? certificateReason(code, 'fleet.valkey_ca') ?? message;
}

/** Without the place in the script, and the arguments. */
function firstSentence(message: string): string {
  return message
    .replace(/^(NOPERM|ERR) /, '')
    .replace(/,? (script: [0-9a-f]+, on|with args beginning).*/s, '');
}
