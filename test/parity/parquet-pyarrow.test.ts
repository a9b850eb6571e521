/** Parquet results through pyarrow's eyes: the types, every value, the row groups, the texts. */
import { join } from 'node:path';
import test from 'ava';
import { DOMAIN_REASONS } from '#src/domain/domain.js';
import { ResultLayout, type ResultFields } from '#src/inference/result-columns.js';
import { ROW_GROUP, writeParquet } from '#src/inference/result-parquet.js';
import { readResultRows } from '#src/inference/result-rows.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { pythonReference, runPython } from '../fixtures/python.js';

const python = pythonReference(['pyarrow']);
const run = python !== undefined ? test : test.skip;

interface Seen {
  columns: Record<string, { type: string; nullable: boolean; values: unknown[] }>;
  groups: number[];
  texts: Record<string, string>;
  createdBy: string;
  duckdb: [number, number, number] | null;
}

const layout = new ResultLayout({ classes: ['a', 'é, "b"'], top: 1, numbered: true });

function* rows(count: number): Generator<ResultFields> {
  for (let i = 0; i < count; i++) {
    const p = Math.fround((i % 1000) / 999);
    const values = i % 7 === 3 ? undefined : new Float32Array([p, 1 - p]);
    const path = `tiles/肺 ${i}\n.jpeg`;
    const status = i % 7 === 3 ? 'IMAGE_EMPTY' : 'ok';
    const inDomain = i % 3 === 0;
    const reason = inDomain ? undefined : DOMAIN_REASONS[i % 3];
    const domain = i % 5 === 1 ? undefined : { inDomain, score: Math.fround(i / 7), reason };
    yield layout.row({ path, status, probabilities: values, domain, row: i });
  }
}

async function* asynchronous<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

run('pyarrow reads the types, every value and the texts; so does duckdb', async (t) => {
  const root = await temporaryFolder(t);
  const counts = [0, 1, 2 * ROW_GROUP + 5];
  const paths = counts.map((count) => join(root, `${count}.parquet`));
  for (const [i, path] of paths.entries()) {
    const texts = { 'lungcls.job': `{"é": ${i}}` };
    await writeParquet(path, layout.columns, () => texts, asynchronous(rows(counts[i] ?? 0)));
  }
  const seen = JSON.parse(runPython(python ?? '', 'results/read_parquet.py', paths)) as Seen[];
  for (const [i, { columns, groups, texts, createdBy, duckdb }] of seen.entries()) {
    const count = counts[i] ?? 0;
    t.deepEqual(
      Object.entries(columns).map(([name, { type, nullable }]) => [name, type, nullable]),
      layout.columns.map(({ name, type, required }) => {
        const names = { text: 'string', float: 'float', integer: 'int64', boolean: 'bool' };
        return [name, names[type], !required];
      }),
    );
    const expected = [...rows(count)];
    layout.columns.forEach(({ name, type }, c) => {
      const values = expected.map((fields) => {
        const text = fields[c] ?? '';
        if (text === '') return null;
        if (type === 'text') return text;
        if (type === 'boolean') return text === 'true';
        return type === 'float' ? Math.fround(Number(text)) : Number(text);
      });
      t.deepEqual(columns[name]?.values, values, name);
    });
    t.deepEqual(groups, count > ROW_GROUP ? [ROW_GROUP, ROW_GROUP, 5] : count === 0 ? [] : [count]);
    t.is(texts['lungcls.job'], `{"é": ${i}}`);
    t.regex(createdBy, /^lungcls-fast version /);
    if (duckdb !== null) t.is(duckdb[0], count);
  }
});

test('what is written is what is read', async (t) => {
  const path = join(await temporaryFolder(t), 'x.parquet');
  const count = ROW_GROUP + 3;
  await writeParquet(path, layout.columns, () => ({}), asynchronous(rows(count)));
  const back: ResultFields[] = [];
  for await (const chunk of readResultRows(path, 'parquet', layout.columns)) back.push(...chunk);
  t.deepEqual(back, [...rows(count)]);
});
