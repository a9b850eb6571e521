/** A bench as lines for a terminal and as Markdown. */
import type { BenchResults } from './results.js';
import {
  FLOOR_WORDS,
  gpuWords,
  groupTables,
  machineWords,
  methodWords,
  pathsWords,
  rate,
  shareWords,
  type GroupTable,
} from './words.js';

/** What the terminal shows: narrower than the files, which have every column. */
const TERMINAL_COLUMNS = [
  '',
  'tiles/s',
  'quartiles',
  'against the first',
  'ms: p50',
  'p95',
  'p99',
  'answer',
];

export function terminalLines(results: BenchResults): string[] {
  const lines = [machineWords(results), methodWords(results), ''];
  for (const { name, what } of results.workloads) {
    lines.push(`${name}: ${what}`);
    for (const table of groupTables(results, name)) {
      lines.push(`  ${table.group}`, ...aligned(narrowed(table)).map((line) => `    ${line}`));
    }
    lines.push(...stageLines(results, name).map((line) => `  ${line}`), '');
  }
  for (const { what, why } of results.skipped) lines.push(`Not measured: ${what} (${why})`);
  lines.push(`GPU: ${gpuWords(results.machine)}`);
  return lines;
}

function narrowed({ columns, rows }: GroupTable): string[][] {
  const kept = columns.map((column) => TERMINAL_COLUMNS.includes(column));
  const keep = (cells: readonly string[]): string[] => cells.filter((_, i) => kept[i]);
  return [keep(columns), ...rows.map(({ cells }) => keep(cells))];
}

/** Names and answers to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((cells) => (cells[i] ?? '').length)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, i) => {
        const width = widths[i] ?? 0;
        return i === 0 || i === columns - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Where time goes, for the workloads that have stages. */
export function stageLines(results: BenchResults, workload: string): string[] {
  return results.trials
    .filter((trial) => trial.workload === workload && trial.status === 'ok')
    .flatMap(({ name, stagesMs, bottleneck, floors }) => {
      if (stagesMs === null || bottleneck === null) return [];
      const stages = Object.entries(stagesMs).map(([stage, ms]) => {
        const share = floors.find((own) => own.stage === stage);
        return `${stage} ${rate(ms)} ms${share === undefined ? '' : ` (${shareWords(share)})`}`;
      });
      return [`${name}: a tile takes ${stages.join(', ')}; the bottleneck: ${bottleneck}`];
    });
}

/** bench.md. */
export function markdown(results: BenchResults): string {
  const lines = [
    '# Bench',
    '',
    `${machineWords(results)}. Made by \`lungcls-fast bench\`; every round is in \`bench.json\`.`,
    '',
    methodWords(results),
    '',
  ];
  for (const { name, what } of results.workloads) {
    lines.push(`## ${name}`, '', what, '');
    for (const { group, columns, rows } of groupTables(results, name)) {
      lines.push(
        `### ${name}, ${group}`,
        '',
        line(columns),
        line(columns.map((_, i) => (i === 0 || i === columns.length - 1 ? '---' : '---:'))),
        ...rows.map(({ cells }) => line(cells)),
        '',
      );
    }
    for (const text of [...pathsWords(results, name), ...stageLines(results, name)]) {
      lines.push(`- ${text}`);
    }
    lines.push('');
  }
  lines.push('## The machine’s limits', '', ...floorLines(results), '');
  if (results.skipped.length > 0) {
    lines.push(
      '## Not measured',
      '',
      ...results.skipped.map(({ what, why }) => `- ${what}: ${why}`),
      '',
    );
  }
  lines.push(`GPU: ${gpuWords(results.machine)}`, '', '## Versions', '');
  lines.push(...Object.entries(results.versions).map(([name, version]) => `- ${name} ${version}`));
  return `${lines
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

function floorLines({ floors }: BenchResults): string[] {
  return Object.entries(FLOOR_WORDS).map(([key, { name, unit }]) => {
    const value = floors[key as keyof typeof floors];
    return `- ${name}: ${value === null ? 'not measured' : `${rate(value)} ${unit}`}`;
  });
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
