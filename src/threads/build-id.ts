declare global {
  /** Set in bundles. */
  var LLMPROXY_BUILD: string | undefined;
}

/** Tells builds apart, in bundles; empty elsewhere. */
export const buildId: string = globalThis.LLMPROXY_BUILD ?? '';
