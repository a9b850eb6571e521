/** The other side of Peer, for peers in JavaScript. */
import { createInterface } from 'node:readline';

/** Decodes all files once for each line on stdin; one round beforehand warms up. */
export async function serve(decodeAll: () => Promise<void>): Promise<void> {
  await decodeAll();
  console.log('ready');
  for await (const line of createInterface(process.stdin)) {
    if (line === '') continue;
    const cpu = process.cpuUsage();
    const start = performance.now();
    await decodeAll();
    const seconds = (performance.now() - start) / 1e3;
    const used = process.cpuUsage(cpu);
    console.log(JSON.stringify({ seconds, cpuSeconds: (used.user + used.system) / 1e6 }));
  }
}
