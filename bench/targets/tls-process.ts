/** TLS in front of the mock provider. Arguments: port, the mock's port, directory of the certificate. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';

const [port, mockPort, directory = ''] = process.argv.slice(2);
const options = {
  key: readFileSync(join(directory, 'key.pem')),
  cert: readFileSync(join(directory, 'cert.pem')),
  noDelay: true,
};
createServer(options, (socket) => {
  const mock = connect({ host: '127.0.0.1', port: Number(mockPort), noDelay: true });
  pipeline(socket, mock, socket, () => {});
}).listen(Number(port), '127.0.0.1');
