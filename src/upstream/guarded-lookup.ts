import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressProblem, forbiddenAddressCode } from '../config/network/address.js';
import type { PrivateAddresses } from '../config/settings/settings-types.js';

/**
 * Resolves names as Node does, but drops addresses forbidden to providers: a name may resolve to
 * another address after it was checked.
 */
export function guardedLookup(privateAddresses: PrivateAddresses): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, []);
        return;
      }
      const allowed = addresses.filter(
        ({ address }) => addressProblem(address, privateAddresses) === null,
      );
      const [first] = allowed;
      if (!first) callback(forbidden(), []);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function forbidden(): NodeJS.ErrnoException {
  const error = new Error('the name stands for an address that is not allowed');
  return Object.assign(error, { code: forbiddenAddressCode });
}
