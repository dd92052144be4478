/**
 * Our own types for the used parts of hyper-express and uWebSockets.js, since neither need be
 * installed.
 */
export interface HttpRequest {
  getMethod(): string;
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEach(callback: (name: string, value: string) => void): void;
}

export interface HttpResponse {
  onAborted(handler: () => void): HttpResponse;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): HttpResponse;
  onWritable(handler: (offset: number) => boolean): HttpResponse;
  writeStatus(status: string | Buffer): HttpResponse;
  writeHeader(name: string, value: string): HttpResponse;
  write(chunk: string | Buffer): boolean;
  tryEnd(body: Buffer, totalBytes: number): [taken: boolean, done: boolean];
  end(body?: string | Buffer, closesConnection?: boolean): HttpResponse;
  endWithoutBody(): HttpResponse;
  getWriteOffset(): number;
  getRemoteAddress(): ArrayBuffer;
  cork(callback: () => void): HttpResponse;
  pause(): void;
  resume(): void;
  close(): HttpResponse;
}

export interface HyperExpressServer {
  readonly port: number;
  readonly handlers: object;
  readonly uws_instance: {
    any(pattern: string, handler: (response: HttpResponse, request: HttpRequest) => void): unknown;
    filter(callback: (response: HttpResponse, change: number) => void): unknown;
    listen(host: string, port: number, callback: (socket: unknown) => void): unknown;
    close(): unknown;
  };
  listen(port: number, host?: string): Promise<unknown>;
  close(): boolean;
}

interface HyperExpress {
  Server: new (options: { auto_close: boolean }) => HyperExpressServer;
}

/**
 * Loads hyper-express.
 * @throws when it is not installed, or its native module does not load on this machine.
 */
export async function importHyperExpress(): Promise<HyperExpress> {
  const name: string = 'hyper-express';
  const module: { default: HyperExpress } = await import(name);
  return module.default;
}
