/** The other side of Peer, for peers in JavaScript. */
import { createInterface } from 'node:readline';

/** A round is as many passes over all files as take this long: fast ones need several to be measured. */
const LEAST_SECONDS = 0.4;

/** Calls `decodeAll` with a number of passes, once for each line on stdin; beforehand it warms up. */
export async function serve(decodeAll: (passes: number) => Promise<void>): Promise<void> {
  await decodeAll(1);
  const begin = performance.now();
  await decodeAll(1);
  const passes = Math.ceil((LEAST_SECONDS * 1e3) / (performance.now() - begin));
  console.log('ready');
  for await (const line of createInterface(process.stdin)) {
    if (line === '') continue;
    // While the others ran, caches and clocks went cold.
    await decodeAll(1);
    const cpu = process.cpuUsage();
    const start = performance.now();
    await decodeAll(passes);
    const seconds = (performance.now() - start) / 1e3;
    const used = process.cpuUsage(cpu);
    console.log(JSON.stringify({ passes, seconds, cpuSeconds: (used.user + used.system) / 1e6 }));
  }
}
