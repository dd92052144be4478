/** What was opened and must be closed, the last opened first; also when the run is interrupted. */
export interface Closers {
  /** What is pushed once closing has begun is closed at once. */
  push(close: () => Promise<void> | void): void;
  /** Closes everything, once; what fails does not keep the rest open. */
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
