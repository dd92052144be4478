import { selectEngine } from '../../src/server/engine.js';
import type { Engine } from '../../src/server/exchange.js';

// A process that answers with its pid: its arguments are engine and port. Tells its parent the port.
const engine = await selectEngine(process.argv[2] as Engine['name'], () => {});
const server = await engine.listen({
  host: '127.0.0.1',
  port: Number(process.argv[3]),
  handler: (exchange) => exchange.respond(200, [], String(process.pid)),
});
process.on('message', () => {
  void server.drain().then(() => process.disconnect());
});
process.send?.(server.port);
