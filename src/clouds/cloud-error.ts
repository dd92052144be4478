/** Cloud credentials could not be obtained; the message quotes no secret. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
}
