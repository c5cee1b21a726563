import net from 'node:net';

const HOST = '127.0.0.1';

/** Listens for a moment; resolves to the port, or to null if it is taken. 0 lets the system choose. */
const probe = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', () => resolve(null));
    server.listen(port, HOST, () => {
      const { port: got } = server.address() as net.AddressInfo;
      server.close(() => resolve(got));
    });
  });

/** The first of the wanted ports that is free, else one that the system chooses. */
export async function freePort(...wanted: readonly number[]): Promise<number> {
  for (const port of wanted) if ((await probe(port)) !== null) return port;
  return (await probe(0))!;
}
