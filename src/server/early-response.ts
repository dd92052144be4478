/** Largest unread rest of a request body that is worth reading to keep the connection. */
export const smallBodyBytes = 64 * 1024;

/** Time that an early response waits for the rest of a request body before the close. */
export const lingerMs = 2_000;
