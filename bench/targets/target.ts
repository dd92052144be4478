import type { Closers } from '../closers.js';

/** A proxy, or its absence, to send requests through. */
export interface Target {
  name: string;
  /** The reason why it cannot be measured here, or null. */
  unavailable(): string | null;
  /** Starts it in front of the mock provider, and pushes a closer for everything it opens. */
  start(context: TargetContext): Promise<StartedTarget>;
}

/** A listener on 127.0.0.1. */
export interface Upstream {
  port: number;
  pid: number;
  /** For example `http://127.0.0.1:18080`. */
  origin: string;
  /** File of the certificate to trust; null without TLS. */
  certificate: string | null;
}

export interface TargetContext {
  /** The mock provider itself. */
  mock: Upstream;
  /** The server to forward requests to: the mock provider, or the TLS proxy in front of it. */
  upstream: Upstream;
  /** A directory for this target alone, removed at the end. */
  directory: string;
  closers: Closers;
}

export interface StartedTarget {
  port: number;
  /** The root of its processes. */
  pid: number;
  /** Headers that each request must carry. */
  headers: Readonly<Record<string, string>>;
}

export interface RunningTarget extends StartedTarget {
  name: string;
  idlePssBytes: number;
}
