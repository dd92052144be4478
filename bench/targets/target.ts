import type { Closers } from '../closers.js';

/** Something that requests are sent through. */
export interface Target {
  name: string;
  /** Why it cannot be measured here; null when it can. */
  unavailable(): string | null;
  /** Starts it in front of the mock provider. What it opens, it pushes the closer of. */
  start(context: TargetContext): Promise<StartedTarget>;
}

/** Something that listens on 127.0.0.1. */
export interface Upstream {
  port: number;
  pid: number;
  /** Such as `http://127.0.0.1:18080`. */
  origin: string;
  /** File of the certificate to trust; null without TLS. */
  certificate: string | null;
}

export interface TargetContext {
  /** The mock provider itself. */
  mock: Upstream;
  /** What requests are sent on to: the mock provider, or what puts TLS in front of it. */
  upstream: Upstream;
  /** A directory of this target alone; removed at the end. */
  directory: string;
  closers: Closers;
}

export interface StartedTarget {
  port: number;
  /** The root of its processes. */
  pid: number;
  /** What a request to it must carry. */
  headers: Readonly<Record<string, string>>;
}

export interface RunningTarget extends StartedTarget {
  name: string;
  idleRssBytes: number;
}
