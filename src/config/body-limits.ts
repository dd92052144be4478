/** Maximum body of the admin API except documents; enough for a long model mapping. */
export const maxAdminBodyBytes = 1_048_576;

/** Maximum document; one with 100,000 keys has about 30 MB. */
export const maxDocumentBytes = 67_108_864;
