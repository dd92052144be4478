import type { Duplex } from 'node:stream';
import type { SocketEndpoint } from '../../dialects/endpoint.js';
import type { Session } from '../../dialects/socket.js';
import { GatewayError } from '../../errors.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import { FrameError, opcodes, writeFrame } from '../../websocket/frames.js';
import { notAllowed } from '../access/check-alternatives.js';
import { isStopped } from '../admission/stops.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import type { Watched } from '../watchdog.js';
import { RelaySide } from './relay-side.js';
import { SessionLimits } from './session-limits.js';

/** Events with usage are small; larger texts are not examined. */
const maxTextBytes = 1_048_576;
/** Time for the other side to answer a close frame and close its connection. */
const lingerMs = 2_000;
/** Margin before a draining worker ends, which would cut its sockets. */
const drainMarginMs = 2_000;

const goingAway = 1001;
export const policyViolation = 1008;
export const serverError = 1011;

/**
 * Relays the frames of a WebSocket both ways, no faster than the other side accepts them, and reads
 * the usage that the provider reports.
 *
 * States: open → closing (a side has sent a close frame, or was sent one) → closed.
 */
export class SocketRelay implements Watched {
  /** Resolves when both connections are closed. */
  readonly done: Promise<void>;
  place?: number | undefined;
  readonly #gateway: Gateway;
  readonly #credential: RoutedCredential;
  readonly #record: RequestRecord;
  readonly #endpoint: SocketEndpoint;
  readonly #session: Session;
  readonly #client: RelaySide;
  readonly #provider: RelaySide;
  #drainingSinceMs: number | null = null;
  #lingers = false;
  /** Refuses an event of the client that must not reach the provider. */
  #refusal: GatewayError | null = null;
  #resolve: () => void = () => {};

  constructor(
    gateway: Gateway,
    client: Duplex,
    provider: Duplex,
    credential: RoutedCredential,
    endpoint: SocketEndpoint,
    record: RequestRecord,
  ) {
    this.#gateway = gateway;
    this.#credential = credential;
    this.#endpoint = endpoint;
    this.#record = record;
    record.complete = false;
    const limits = new SessionLimits(
      gateway,
      () => this.#holder(),
      endpoint,
      record,
      () => this.#session.usage,
      (error) => this.#refuse(error),
      (isHeld) => this.#hold(isHeld),
    );
    const { follow, namedModels } = endpoint.messages;
    this.#session = follow({
      onResponse: () => limits.began(),
      onUsage: (usage) => limits.used(usage),
    });
    const maxMessageBytes = gateway.settings.server.max_body_bytes;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    // A long text could name a model, too.
    const maxNamedBytes = credential.allows === null ? maxTextBytes : maxMessageBytes;
    const maxClientBytes = namedModels === null ? 0 : maxNamedBytes;
    const limitsOf = (maxTextBytes: number) => ({ maxMessageBytes, maxTextBytes });
    this.#client = new RelaySide(client, true, limitsOf(maxClientBytes), (text) =>
      this.#checkModels(text),
    );
    this.#provider = new RelaySide(provider, false, limitsOf(maxTextBytes), (text) =>
      this.#session.push(text),
    );
    gateway.watchdog.add(this);
    this.#read(this.#client, this.#provider);
    this.#read(this.#provider, this.#client);
  }

  onTick(): void {
    const nowMs = performance.now();
    const { settings, draining } = this.#gateway;
    if (this.#isStalled(nowMs)) {
      this.#record.error ??= 'stalled_reader';
      this.#destroy();
    } else if (isStopped(this.#gateway, this.#record)) {
      this.#endBoth(policyViolation, 'An operator has stopped these requests.');
    } else if (!this.#holder()) {
      this.#endBoth(policyViolation, 'The API key is no longer valid.');
    } else if (draining) {
      this.#drainingSinceMs ??= nowMs;
      const leftMs = settings.server.grace_period_ms - (nowMs - this.#drainingSinceMs);
      if (this.#session.isResponding && leftMs > drainMarginMs) return;
      this.#endBoth(goingAway, 'The gateway is stopping; connect again.');
    }
  }

  #read(from: RelaySide, to: RelaySide): void {
    const { stream } = from;
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => this.#pass(from, to, piece));
    stream.on('end', () => this.#ended(from, to));
    stream.on('close', () => {
      this.#ended(from, to);
      if (this.#client.stream.destroyed && this.#provider.stream.destroyed) this.#finish();
    });
    to.stream.on('drain', () => {
      if (!from.isHeld) stream.resume();
    });
    stream.resume();
  }

  #pass(from: RelaySide, to: RelaySide, piece: Buffer): void {
    if (from.isDone || to.isTold) return;
    let bytes: Buffer;
    try {
      bytes = from.parser.push(piece);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      to.stream.write(error.before);
      this.#broken(from, error);
      return;
    }
    // The end of the message that was refused is in these bytes: a close frame cannot follow its beginning.
    if (this.#refusal) {
      to.isTold = true;
      this.#refuse(this.#refusal);
      return;
    }
    if (bytes.length > 0 && !to.stream.write(bytes)) from.stream.pause();
    if (!from.isDone) return;
    to.isTold = true;
    if (to.isDone) this.#linger();
    else this.#lingerLater();
    this.#record.complete = this.#record.error === null;
  }

  /**
   * Closes both sides: the one that broke the protocol with that code, the other because its peer
   * is gone.
   */
  #broken(from: RelaySide, { code, message }: FrameError): void {
    const isClient = from === this.#client;
    if (!isClient) this.#record.error ??= 'upstream_failed';
    this.#tell(from, code, message);
    if (isClient) this.#tell(this.#provider, goingAway, '');
    else this.#tell(this.#client, serverError, `The provider broke the protocol: ${message}.`);
    this.#linger();
  }

  /** A connection has ended; the other side is told if there was no close frame. */
  #ended(from: RelaySide, to: RelaySide): void {
    if (!from.isDone) {
      from.isDone = true;
      if (from === this.#provider) {
        if (!from.isTold) this.#record.error ??= 'upstream_failed';
        this.#tell(to, serverError, 'The provider closed the connection.');
      } else this.#tell(to, goingAway, '');
    }
    this.#linger();
  }

  #endBoth(code: number, reason: string): void {
    if (this.#lingers) return;
    this.#tell(this.#client, code, reason);
    this.#tell(this.#provider, goingAway, '');
    this.#linger();
  }

  #tell(side: RelaySide, code: number, reason: string): void {
    const other = side === this.#client ? this.#provider : this.#client;
    side.tell(code, reason, !other.parser.atFrameEnd);
  }

  /** Closes both connections, dropping unsent data. */
  #linger(): void {
    for (const { stream } of [this.#client, this.#provider]) {
      stream.end();
      stream.resume();
    }
    this.#lingerLater();
  }

  #lingerLater(): void {
    if (this.#lingers) return;
    this.#lingers = true;
    setTimeout(() => this.#destroy(), lingerMs).unref();
  }

  #destroy(): void {
    this.#client.stream.destroy();
    this.#provider.stream.destroy();
  }

  #finish(): void {
    this.#gateway.watchdog.delete(this);
    this.#record.usage = this.#session.usage;
    this.#resolve();
  }

  #isStalled(nowMs: number): boolean {
    const { stalled_reader_timeout_ms: timeoutMs } = this.#gateway.settings.server;
    return [this.#client, this.#provider].some((side) => side.isStalled(nowMs, timeoutMs));
  }

  #hold(isHeld: boolean): void {
    const { stream } = this.#client;
    this.#client.isHeld = isHeld;
    if (isHeld) stream.pause();
    else if (!this.#provider.stream.writableNeedDrain) stream.resume();
  }

  /** Finds models in an event of the client that its key may not use. */
  #checkModels(text: Buffer): void {
    const { namedModels } = this.#endpoint.messages;
    const allows = this.#holder()?.allows ?? null;
    if (allows === null || namedModels === null) return;
    try {
      const { model, candidate } = this.#record;
      for (const named of namedModels(text)) {
        if (named.model === model || named.model === candidate?.model) continue;
        if (allows(modelMeant(named.model, this.#gateway.settings.routing))) continue;
        throw notAllowed(named.model, named.param);
      }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#refusal ??= error;
    }
  }

  /** Ends the session with a refusal, which the client gets as a message where its API has one. */
  #refuse(error: GatewayError): void {
    this.#record.error ??= error.code;
    const { stream, isTold } = this.#client;
    const { errorMessage } = this.#endpoint.messages;
    if (errorMessage && !isTold && this.#provider.parser.atMessageEnd) {
      const message = errorMessage(error, this.#record.requestId);
      stream.write(writeFrame(opcodes.text, Buffer.from(message)));
    }
    this.#endBoth(policyViolation, error.message);
  }

  /** The key as it is now, which the session may outlast; null once it is not valid. */
  #holder(): RoutedCredential | null {
    const { hash } = this.#credential;
    if (hash.length === 0) return this.#credential;
    const now = this.#gateway.snapshot.credentials.get(hash);
    if (!now || (now.expiresAt !== null && now.expiresAt <= Date.now())) return null;
    return now;
  }
}
