/** Peak memory against the number of images: flat, or it is a leak. */
import { engineVariants } from '../engines.js';
import type { TrialSpec } from '../protocol.js';
import type { Trial, Workload } from '../workload.js';
import { openEndToEnd } from './end-to-end.js';

/** Times the images of a round: the same trial, on more of them. */
const TIMES = [1, 4] as const;
/** Of a round, that a trial of the fewer images takes. */
const SHARE = 0.6;

export const memory: Workload = {
  name: 'memory',
  suite: 'memory',
  what: 'Peak memory of predict from files: on as many images as a round takes, and on four times as many.',
  needsModel: true,
  peerCheck: { kind: 'none', why: 'memory alone is compared' },
  plan: (found) => {
    const batch = Math.max(...found.batchSizes);
    const variants = engineVariants(found, { fastOnly: true, stage: 'network' });
    return [
      {
        group: `batch ${batch}, ${found.threads} threads`,
        batch,
        threads: found.threads,
        variants: variants
          .filter(
            ({ kind, variant }) =>
              kind === 'tfjs' || variant.endsWith('fp32') || variant.endsWith('int8'),
          )
          .flatMap((variant) =>
            TIMES.map((times) => ({
              ...variant,
              variant: `${variant.variant} x${times}`,
              name: times === 1 ? variant.name : `${variant.name}, ${times} times the images`,
              floors: [],
            })),
          ),
      },
    ];
  },
  async open(spec: TrialSpec): Promise<Trial> {
    const [variant = '', times = '1'] = spec.variant.split(' x');
    const trial = await openEndToEnd({ ...spec, variant }, SHARE);
    return { ...trial, work: (seconds) => trial.work(seconds * Number(times)) };
  },
};
