/** Credentials of a cloud that cannot be had; the message quotes no secret. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
}
