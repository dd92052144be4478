import type { ReasoningBlock } from '../conversation.js';

/** Reasoning that a client cannot bring back, by the id of the tool call that it led to. */
export interface ReasoningKeeper {
  put(toolCallId: string, reasoning: readonly ReasoningBlock[]): void;
  get(toolCallId: string): readonly ReasoningBlock[] | null;
}

/**
 * Keeps it in memory, within bounds of number, size and time; recently used entries stay longer.
 */
export class KeptReasoning implements ReasoningKeeper {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  readonly #onPut: KeptReasoning['put'];
  /** In the order of their last use. */
  readonly #entries = new Map<
    string,
    { reasoning: readonly ReasoningBlock[]; bytes: number; until: number }
  >();
  #bytes = 0;

  /** @param onPut passes entries to other processes, which `learn` them. */
  constructor(
    maxBytes: number,
    maxAgeMs: number,
    onPut: KeptReasoning['put'] = () => {},
    now: () => number = Date.now,
  ) {
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#onPut = onPut;
    this.#now = now;
  }

  put(toolCallId: string, reasoning: readonly ReasoningBlock[]): void {
    this.learn(toolCallId, reasoning);
    this.#onPut(toolCallId, reasoning);
  }

  /** Keeps what another process was given. */
  learn(toolCallId: string, reasoning: readonly ReasoningBlock[]): void {
    this.#remove(toolCallId);
    let bytes = toolCallId.length + 200;
    for (const { text, seal } of reasoning) bytes += 2 * text.length + (seal?.data.length ?? 0);
    if (bytes > this.#maxBytes) return;
    this.#entries.set(toolCallId, { reasoning, bytes, until: this.#now() + this.#maxAgeMs });
    this.#bytes += bytes;
    for (const [id] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#remove(id);
    }
  }

  get(toolCallId: string): readonly ReasoningBlock[] | null {
    const entry = this.#entries.get(toolCallId);
    if (!entry) return null;
    this.#remove(toolCallId);
    if (entry.until <= this.#now()) return null;
    this.learn(toolCallId, entry.reasoning);
    return entry.reasoning;
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
  }
}
