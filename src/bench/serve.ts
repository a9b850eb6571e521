/** The other side of the protocol, for trials of ours: gets ready, works as it is told, answers, ends. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeNpy } from '../storage/npy.js';
import { parseRequest, type TrialEvent, type TrialSpec } from './protocol.js';
import { withoutPaths } from './trial-process.js';
import type { Workload } from './workload.js';

/**
 * Largest resident set of this process. Not getrusage's where it can be helped: Linux keeps that of the process
 * that started this one across exec (getrusage(2), proc(5)).
 */
function peakRss(): number {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    const kilobytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN);
    if (Number.isFinite(kilobytes)) return kilobytes * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * @param lines what the bench says, a line at a time
 * @param say takes each event
 * @throws LungclsError whatever the workload throws; INVALID_OPTION for a line that is no request
 */
export async function serveTrial(
  workload: Workload,
  spec: TrialSpec,
  lines: AsyncIterable<string>,
  say: (event: TrialEvent) => void,
): Promise<void> {
  const trial = await workload.open(spec);
  try {
    say({ event: 'ready', versions: trial.versions, device: withoutPaths(trial.device) });
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const request = parseRequest(line);
      if ('end' in request) {
        // Before the answers: they are no part of the work.
        const peakRssBytes = peakRss();
        const { shape, values } = await trial.answers();
        const answers = join(spec.out, 'answers.npy');
        const dtype = values instanceof Float32Array ? '<f4' : '|u1';
        const { buffer, byteOffset, byteLength } = values;
        await writeNpy(answers, { dtype, shape }, new Uint8Array(buffer, byteOffset, byteLength));
        say({ event: 'end', peakRssBytes, answers });
        return;
      }
      say({ event: 'round', round: request.round, ...(await trial.work(request.seconds)) });
    }
  } finally {
    await trial.close();
  }
}
