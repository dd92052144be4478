/** Closers of everything opened, run in reverse order at the end or on an interrupt. */
export interface Closers {
  /** A closer pushed after closing has begun runs at once. */
  push(close: () => Promise<void> | void): void;
  /** Runs every closer once, even if some fail. */
  closeAll(): Promise<void>;
}

export function createClosers(): Closers {
  const stack: (() => Promise<void> | void)[] = [];
  let closing: Promise<void> | null = null;

  async function closeStack(): Promise<void> {
    for (let close = stack.pop(); close !== undefined; close = stack.pop()) {
      try {
        await close();
      } catch (error) {
        process.stderr.write(`Clean-up failed: ${String(error)}\n`);
      }
    }
  }

  return {
    push: (close) => {
      stack.push(close);
      if (closing !== null) {
        closing = closing.then(closeStack);
      }
    },
    closeAll: () => {
      closing ??= closeStack();
      return closing;
    },
  };
}
