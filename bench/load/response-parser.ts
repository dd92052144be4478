/** Events of the responses on one connection. */
export interface ResponseEvents {
  onHead(status: number): void;
  onFirstBodyByte(): void;
  /** This many server-sent events ended. */
  onEvents(count: number): void;
  onEnd(): void;
}

type State = 'head' | 'sized' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'last-end';

const lineFeed = 0x0a;

/**
 * Reads HTTP/1.1 responses as cheaply as the load generator needs: framing by content-length or
 * chunks without trailers, and a count of events in a stream. States: a head, then either bytes of
 * a known number (`sized`), or chunks (`chunk-size`, `chunk-data`, `chunk-end`, …, `last-end`).
 */
export function createResponseParser(events: ResponseEvents): (bytes: Buffer) => void {
  let state: State = 'head';
  let head = '';
  let remaining = 0;
  let size = 0;
  let counting = false;
  let begun = false;
  let afterLineFeed = false;

  return (bytes) => {
    let at = 0;
    while (at < bytes.length) {
      at = step(bytes, at);
    }
  };

  function step(bytes: Buffer, at: number): number {
    switch (state) {
      case 'head':
        return readHead(bytes, at);
      case 'chunk-size':
        return readSize(bytes, at);
      case 'sized':
      case 'chunk-data':
        return readData(bytes, at);
      case 'chunk-end':
      case 'last-end':
        return readLineEnd(bytes, at);
    }
  }

  function readHead(bytes: Buffer, at: number): number {
    const before = head.length;
    head += bytes.toString('latin1', at);
    // The separator may begin in bytes that arrived earlier.
    const end = head.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0) {
      return bytes.length;
    }
    const text = head.slice(0, end);
    head = '';
    begun = false;
    afterLineFeed = false;
    counting = /\r\ncontent-type: *text\/event-stream/i.test(text);
    events.onHead(Number(text.slice(9, 12)));
    if (/\r\ntransfer-encoding: *chunked/i.test(text)) {
      state = 'chunk-size';
      size = 0;
    } else {
      startData('sized', Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0));
    }
    return at + end + 4 - before;
  }

  function readSize(bytes: Buffer, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === lineFeed) {
        if (size === 0) {
          state = 'last-end';
          remaining = 2;
        } else {
          startData('chunk-data', size);
        }
        return at + 1;
      }
      const digit = hexDigit(byte);
      if (digit >= 0) {
        size = size * 16 + digit;
      }
    }
    return bytes.length;
  }

  function startData(next: State, length: number): void {
    state = next;
    remaining = length;
    if (length === 0) {
      endData();
    }
  }

  function readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + remaining);
    if (!begun) {
      begun = true;
      events.onFirstBodyByte();
    }
    if (counting) {
      countEvents(bytes, at, end);
    }
    remaining -= end - at;
    if (remaining === 0) {
      endData();
    }
    return end;
  }

  function endData(): void {
    if (state === 'sized') {
      endResponse();
    } else {
      state = 'chunk-end';
      remaining = 2;
    }
  }

  function readLineEnd(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + remaining);
    remaining -= end - at;
    if (remaining === 0 && state === 'last-end') {
      endResponse();
    } else if (remaining === 0) {
      state = 'chunk-size';
      size = 0;
    }
    return end;
  }

  function endResponse(): void {
    state = 'head';
    events.onEnd();
  }

  function countEvents(bytes: Buffer, start: number, end: number): void {
    let count = 0;
    let at = start;
    if (afterLineFeed && bytes[at] === lineFeed) {
      count++;
      at++;
    }
    afterLineFeed = false;
    for (;;) {
      at = bytes.indexOf(lineFeed, at);
      if (at < 0 || at >= end) {
        break;
      }
      if (at + 1 === end) {
        afterLineFeed = true;
        break;
      }
      if (bytes[at + 1] === lineFeed) {
        count++;
        at++;
      }
      at++;
    }
    if (count > 0) {
      events.onEvents(count);
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) {
    return byte - 0x30;
  }
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
