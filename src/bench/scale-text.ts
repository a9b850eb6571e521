/** The suite scale in words. */
import type { ScaleFit, ScaleRun } from './scale-fit.js';
import type { ScaleResults } from './scale.js';

const MIB = 2 ** 20;

/** Markdown, which is also what the terminal shows. */
export function scaleLines(results: ScaleResults): string[] {
  const { images, threads, size, precision, steps, skipped } = results;
  return [
    `${images.different} images of ${(images.meanBytes / 1000).toFixed(1)} KB on average, each many times under ` +
      `other names, in the page cache; tiles of ${size} x ${size}; ${threads} threads` +
      `${precision === null ? '' : `; ${precision}`}; each command in a fresh process.`,
    '',
    '| command | tiles | seconds | tiles/s | peak memory, mapped files not counted | with them | files written | bytes written |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...steps.flatMap(({ command, runs }) => runs.map((run) => row(command, run))),
    '',
    ...steps.map(({ command, fit }) => `- ${command}: ${verdict(fit)}`),
    ...skipped.map(({ what, why }) => `- Left out: ${what}, since ${why}.`),
  ];
}

function row(command: string, run: ScaleRun): string {
  const cells = [
    command,
    run.tiles.toLocaleString('en-US'),
    run.seconds.toFixed(1),
    (run.tiles / run.seconds).toFixed(0),
    `${(run.peakPrivateBytes / MIB).toFixed(0)} MiB`,
    `${(run.peakRssBytes / MIB).toFixed(0)} MiB`,
    String(run.files),
    run.bytes.toLocaleString('en-US'),
  ];
  return `| ${cells.join(' | ')} |`;
}

function verdict(fit: ScaleFit): string {
  const time =
    `${fit.startSeconds.toFixed(1)} s and ${(1000 * fit.secondsPerTile).toFixed(2)} ms a tile` +
    (fit.exponent === null
      ? ''
      : `; between the two largest sizes time grows as tiles to the power of ${fit.exponent.toFixed(2)}: ` +
        (fit.linear ? 'linear' : 'NOT linear'));
  const memory =
    fit.memoryBytesPerTile === null
      ? ''
      : `; memory grows by ${fit.memoryBytesPerTile.toFixed(0)} bytes a tile: ${fit.flat ? 'flat' : 'NOT flat'}`;
  return `${time}${memory}; ${Math.round(fit.diskBytesPerTile).toLocaleString('en-US')} bytes written a tile.`;
}
