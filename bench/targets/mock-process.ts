/** The mock provider in a process of its own. Argument: port. */
import { startMockProvider } from '../../src/mock-provider/server.js';

await startMockProvider({ port: Number(process.argv[2]) });
