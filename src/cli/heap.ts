/** Keeps what V8 takes for garbage from growing with the length of a run. */
import { setFlagsFromString } from 'node:v8';

/**
 * For commands that go through archives: V8 doubles the space for new objects, up to 16 MiB twice over,
 * as a program runs on, so that many tiles take more memory than few (`npm run bench:scale` shows it). Of what
 * a tile leaves behind next to nothing lives on: there is nothing to gain by a larger space. V8 looks at this
 * flag each time the space would grow (heap/new-spaces.cc, SemiSpaceNewSpace::Grow), so it can be set once the
 * program runs.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
