/** Maximum lengths, in bytes, of everything that a peer controls except the body. */
export interface MessageLimits {
  /** Target of a request, or reason phrase of a response. */
  startLineBytes: number;
  /** Start line and fields together, with their line ends. */
  headBytes: number;
  fieldCount: number;
  /** Extensions of all chunks of one body. */
  chunkExtensionBytes: number;
  /** Trailers of one body. */
  trailerBytes: number;
}

export const defaultLimits: Readonly<MessageLimits> = {
  startLineBytes: 8 * 1024,
  headBytes: 48 * 1024,
  fieldCount: 128,
  chunkExtensionBytes: 4 * 1024,
  trailerBytes: 8 * 1024,
};
