// The figures of docs/scale.md: what bench/results/scale.json has measured, and what follows from it for more.

/** Numbers of tiles, and of machines like the one that was measured, that the plan is worked out for. */
const TILES = [10_000_000, 1_000_000_000];
const MACHINES = [1, 10, 100, 1000];

const count = (n) => Math.round(n).toLocaleString('en-US');

/** Seconds as a person says them. */
export function duration(seconds) {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 2 * 3600) return `${(seconds / 60).toFixed(0)} min`;
  if (seconds < 2 * 86_400) return `${(seconds / 3600).toFixed(1)} h`;
  if (seconds < 2 * 365 * 86_400) return `${(seconds / 86_400).toFixed(1)} days`;
  return `${(seconds / (365 * 86_400)).toFixed(1)} years`;
}

/** Bytes as a person says them, in powers of ten. */
export function amount(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${units[power]}`;
}

/**
 * Seconds until the last of so many machines has done its shard: each lists all names, then classifies its part.
 * @param {{tiles: number, machines: number, predict: object, list: object}} job the fits of both commands
 */
export function shardSeconds({ tiles, machines, predict, list }) {
  return predict.startSeconds + tiles * (list.secondsPerTile + predict.secondsPerTile / machines);
}

function fitOf(results, command) {
  return results.steps.find((step) => step.command === command)?.fit;
}

/** The Markdown between the marks of docs/scale.md. */
export function scaleFigures(results) {
  const { machine, threads, precision, images, steps, note } = results;
  const [preprocess, predict, list] = ['preprocess', 'predict', 'list'].map((command) =>
    fitOf(results, command),
  );
  const largest = Math.max(...steps.flatMap(({ runs }) => runs.map(({ tiles }) => tiles)));
  const lines = [
    `Measured on ${machine.cores} cores of ${machine.cpu} (${machine.extensions.join(', ')}), ${threads} threads, ` +
      `${precision ?? 'no model'}, up to ${count(largest)} tiles of ${(images.meanBytes / 1000).toFixed(1)} kB: ` +
      '[bench/results/scale.md](../bench/results/scale.md), made by `npm run bench:scale`.' +
      (note ? ` ${note}` : ''),
    '',
    '| command | to begin | a tile | time grows as tiles to the power of | peak memory at the largest size | memory that a tile adds | written a tile |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...steps.map(({ command, fit, runs }) => {
      const cells = [
        command === 'list' ? 'listing the names' : `\`${command}\``,
        `${fit.startSeconds.toFixed(1)} s`,
        `${(1000 * fit.secondsPerTile).toPrecision(3)} ms`,
        fit.exponent === null ? '' : fit.exponent.toFixed(2),
        `${count(runs.at(-1).peakPrivateBytes / 2 ** 20)} MiB`,
        fit.memoryBytesPerTile === null ? '' : `${count(fit.memoryBytesPerTile)} bytes`,
        command === 'list' ? '' : `${count(fit.diskBytesPerTile)} bytes`,
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    '',
  ];
  if (predict === undefined || list === undefined) return lines.join('\n');
  lines.push(
    `| tiles | image files | ${MACHINES.map((n) => (n === 1 ? '1 machine' : `${count(n)} machines`)).join(' | ')} | results, CSV | a tile store of them |`,
    `| --- | --- | ${MACHINES.map(() => '--- |').join(' ')} --- | --- |`,
    ...TILES.map((tiles) => {
      const times = MACHINES.map((machines) =>
        duration(shardSeconds({ tiles, machines, predict, list })),
      );
      const cells = [
        count(tiles),
        amount(tiles * images.meanBytes),
        ...times,
        amount(tiles * predict.diskBytesPerTile),
        preprocess === undefined ? '' : amount(tiles * preprocess.diskBytesPerTile),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    '',
    `- One machine reads ${amount(images.meanBytes / predict.secondsPerTile)} of image files a second; 100 of them read ` +
      `${amount((100 * images.meanBytes) / predict.secondsPerTile)}.`,
    `- Every shard lists all names: ${duration(TILES[0] * list.secondsPerTile)} for ${count(TILES[0])}, ` +
      `${duration(TILES[1] * list.secondsPerTile)} for ${count(TILES[1])}, however many machines there are. From ` +
      `${count(predict.secondsPerTile / list.secondsPerTile)} machines on, listing takes longer than classifying.`,
    '',
  );
  return lines.join('\n');
}
