import type { RequestFinished } from '../observe/event.js';

/**
 * A finished request without the names of its fields: a third of the bytes, and read in half the
 * time, by a control process that reads one for every request of all workers. Written out, since a
 * loop over names costs more than it saves.
 */
export type PackedRequest = ReturnType<typeof packRequest>;

export function packRequest(event: RequestFinished) {
  const { credential, usage } = event;
  return [
    event.requestId,
    event.startedAt,
    event.method,
    event.endpoint,
    credential?.id,
    credential?.name,
    event.model,
    event.modelSent,
    event.provider,
    event.attempts,
    event.attemptsLog,
    event.attemptsEnd,
    event.configVersion,
    event.rateLimit,
    event.status,
    event.error,
    event.stream,
    event.totalMs,
    event.upstreamMs,
    event.firstTokenMs,
    event.complete,
    usage?.promptTokens,
    usage?.completionTokens,
    event.uncounted,
    event.bodies,
  ] as const;
}

/** @param packed by a worker of the same version. */
export function unpackRequest(packed: PackedRequest): RequestFinished {
  const credentialName = packed[5];
  const promptTokens = packed[21];
  return {
    type: 'request_finished',
    requestId: packed[0],
    startedAt: packed[1],
    method: packed[2],
    endpoint: packed[3],
    credential:
      credentialName === undefined ? null : { id: packed[4] ?? null, name: credentialName },
    model: packed[6],
    modelSent: packed[7],
    provider: packed[8],
    attempts: packed[9],
    attemptsLog: packed[10],
    attemptsEnd: packed[11],
    configVersion: packed[12],
    rateLimit: packed[13],
    status: packed[14],
    error: packed[15],
    stream: packed[16],
    totalMs: packed[17],
    upstreamMs: packed[18],
    firstTokenMs: packed[19],
    complete: packed[20],
    usage: promptTokens === undefined ? null : { promptTokens, completionTokens: packed[22] ?? 0 },
    uncounted: packed[23],
    bodies: packed[24],
  };
}
