/** Largest body of the admin API, but for documents: the largest is a long model mapping. */
export const maxAdminBodyBytes = 1_048_576;

/** Largest document; one of 100,000 keys has some 30 MB. */
export const maxDocumentBytes = 67_108_864;
