import type {
  AnswerControl,
  ClientPool,
  ClientRequest,
} from '../../../src/upstream/client/exchange-handler.js';
import { plainRequest } from '../provider-for-test.js';

export interface PoolAnswer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

export interface Steps {
  onStart?: (control: AnswerControl) => void;
  onHead?: (control: AnswerControl) => void;
  onData?: (control: AnswerControl) => void;
}

/** @throws the error that the pool gives to its handler. */
export function ask(
  pool: ClientPool,
  changes: Partial<ClientRequest> = {},
  { onStart, onHead, onData }: Steps = {},
): Promise<PoolAnswer> {
  return new Promise((resolve, reject) => {
    const answer: PoolAnswer = { status: 0, headers: {}, body: '' };
    pool.dispatch(
      { ...plainRequest, ...changes },
      {
        onRequestStart: (control) => onStart?.(control),
        onResponseStart: (control, status, headers) => {
          Object.assign(answer, { status, headers });
          onHead?.(control);
        },
        onResponseData: (control, piece) => {
          answer.body += piece.toString('latin1');
          onData?.(control);
        },
        onResponseEnd: () => resolve(answer),
        onResponseError: (_control, error) => reject(error),
      },
    );
  });
}
