/** The mock provider in its own process. Argument: port. */
import { startMockProvider } from '../../src/mock-provider/server.js';

await startMockProvider({ port: Number(process.argv[2]) });
