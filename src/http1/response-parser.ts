import type { Fields } from './fields.js';
import { connectionFields, type Framing, untilClose } from './framing.js';
import { defaultLimits, type MessageLimits } from './limits.js';
import { type MessageHandler, MessageParser } from './message-parser.js';
import { ProtocolError } from './protocol-error.js';
import { ResponseSection } from './response-section.js';

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly isVersion10: boolean;
  readonly fields: Fields;
  /** Bytes of the body, `chunked` or `untilClose`. */
  readonly length: Framing;
  /** True if the server allows the connection to be reused. */
  readonly keepAlive: boolean;
}

/** Maximum interim responses (1xx) before a final one. */
const maxInterim = 16;

/**
 * Responses of one connection. Interim responses are dropped, except 101, after which `push` stops
 * reading.
 */
export class ResponseParser extends MessageParser<ResponseHead> {
  private readonly head: ResponseSection;
  private isBodyless = false;
  private interim = 0;

  constructor(handler: MessageHandler<ResponseHead>, limits: MessageLimits = defaultLimits) {
    const section = new ResponseSection(limits);
    super(handler, section, limits);
    this.head = section;
  }

  /**
   * Sets the method that the next response answers: one to HEAD has no body, whatever its fields
   * say.
   */
  expect(method: string): void {
    this.isBodyless = method === 'HEAD';
    this.interim = 0;
  }

  protected override finishHead(): ResponseHead | null {
    const { fields, status, minor } = this.head;
    const isVersion10 = minor === 0;
    if (status < 200 && status !== 101) {
      if (++this.interim > maxInterim) throw new ProtocolError('there are too many 1xx responses');
      return null;
    }
    const connection = connectionFields(fields, isVersion10);
    const hasBody = !this.isBodyless && status !== 204 && status !== 304;
    const length = hasBody ? (connection.length ?? untilClose) : 0;
    this.follow(status === 101 ? 'tunnel' : length);
    return {
      status,
      isVersion10,
      fields,
      length,
      keepAlive:
        length !== untilClose &&
        status !== 101 &&
        !connection.close &&
        (!isVersion10 || connection.keepAlive),
    };
  }
}
