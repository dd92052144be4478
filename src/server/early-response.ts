/** Largest part of an unread request body that is worth reading to keep a connection. */
export const smallBodyBytes = 64 * 1024;

/** How long an early response waits for the rest of a request body before the connection closes. */
export const lingerMs = 1000;
