import { fstatSync, write as writeFd } from 'node:fs';

export interface LogSinkOptions {
  /** Characters that may wait, in addition to those being written. */
  maxPending?: number;
  /** Called when lines are accepted again after some were dropped. */
  onRecovered: (dropped: number) => void;
}

/** Lines on their way to standard output. */
export interface LogSink {
  /** Call before each line. False counts the line as dropped: do not render it. */
  hasRoom(): boolean;
  write(line: string): void;
  /** Lines dropped since the start. */
  readonly dropped: number;
}

const defaultMaxPending = 1_048_576;
const retryMs = 1_000;

/**
 * A bounded queue before standard output, whose reader may be slow, stopped or gone, or whose disk
 * may be full. It never blocks, but drops and counts lines that do not fit.
 *
 * States: idle → writing one piece → idle, or writing the lines that arrived in the meantime; after
 * a failure it waits a second first.
 */
export function openLogSink({
  maxPending = defaultMaxPending,
  onRecovered,
}: LogSinkOptions): LogSink {
  const output = openOutput();
  let pending: string[] = [];
  let pendingLength = 0;
  let busy = false;
  let dropped = 0;
  let told = 0;
  let torn = false;

  const flush = () => {
    if (busy || pending.length === 0) return;
    busy = true;
    const lines = pending;
    pending = [];
    pendingLength = 0;
    // A failed write may have left part of a line.
    output((torn ? '\n' : '') + lines.join(''), (error) => {
      torn = error !== null;
      if (error === null) {
        busy = false;
        recovered();
        flush();
        return;
      }
      dropped += lines.length;
      setTimeout(() => {
        busy = false;
        flush();
      }, retryMs).unref();
    });
  };
  const recovered = () => {
    const count = dropped - told;
    told = dropped;
    if (count > 0) onRecovered(count);
  };

  return {
    hasRoom() {
      if (pendingLength < maxPending) return true;
      dropped++;
      return false;
    },
    write(line) {
      pending.push(line);
      pendingLength += line.length;
      flush();
    },
    get dropped() {
      return dropped;
    },
  };
}

type Output = (text: string, done: (error: Error | null) => void) => void;

/**
 * Node writes to a pipe or socket without blocking. A write to a file or terminal would block the
 * event loop, so it is done in the thread pool.
 */
function openOutput(): Output {
  const { stdout } = process;
  const status = fstatSync(stdout.fd);
  if (!status.isFile() && !status.isCharacterDevice()) {
    // Without a listener, EPIPE after the reader has gone would end the process.
    stdout.on('error', () => {});
    return (text, done) => void stdout.write(text, (error) => done(error ?? null));
  }
  return (text, done) => {
    const bytes = Buffer.from(text);
    const writeFrom = (start: number) =>
      writeFd(stdout.fd, bytes, start, bytes.length - start, null, (error, written) => {
        if (error) done(error);
        else if (start + written < bytes.length) writeFrom(start + written);
        else done(null);
      });
    writeFrom(0);
  };
}
