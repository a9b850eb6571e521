import test from 'ava';
import type { DomainJudgement } from '#src/domain/domain.js';
import { LungclsError } from '#src/errors.js';
import {
  entropy,
  formatFloat32,
  rank,
  ResultLayout,
  type ResultFields,
} from '#src/inference/result-columns.js';
import { lineFormat, resultFormat } from '#src/inference/result-format.js';

const CLASSES = ['a', 'b, "c"'];

function csv(
  layout: ResultLayout,
  path: string,
  status: string,
  values?: number[],
  domain?: DomainJudgement,
): string {
  const probabilities = values && new Float32Array(values);
  const fields = layout.row({ path, status, probabilities, domain, row: 7 });
  return lineFormat('csv', layout.columns).line(fields);
}

function failed(layout: ResultLayout, status: string, row = 0): ResultFields {
  return layout.row({ path: 'x', status, probabilities: undefined, row });
}

test('the columns: path, label, a probability a class, the largest, the entropy, status, error code', (t) => {
  const layout = new ResultLayout({ classes: CLASSES });
  t.is(
    lineFormat('csv', layout.columns).header,
    'path,label,a,"b, ""c""",max_probability,entropy_nats,' +
      'in_domain,domain_score,domain_reason,status,error_code\n',
  );
  // -0.25 ln 0.25 - 0.75 ln 0.75 = 0.5623351446188083, as float32 0.56233513.
  t.is(csv(layout, 'x', 'ok', [0.25, 0.75]), 'x,"b, ""c""",0.25,0.75,0.75,0.56233513,,,,ok,\n');
  t.is(
    csv(layout, 'x', 'ok', [0.5, 0.5]),
    'x,a,0.5,0.5,0.5,0.6931472,,,,ok,\n',
    'the first of equals',
  );
  t.is(
    csv(layout, 'x', 'ok', [1, 0]),
    'x,a,1,0,1,0,,,,ok,\n',
    'a certain one has no entropy, not -0',
  );
});

test('a row without a tile has a status and a code, and nothing where numbers would stand', (t) => {
  const layout = new ResultLayout({ classes: CLASSES, top: 2 });
  t.is(csv(layout, 'x', 'IMAGE_EMPTY'), 'x,,,,,,,,,,,,,failed,IMAGE_EMPTY\n');
  t.is(csv(layout, 'x', 'damaged'), 'x,,,,,,,,,,,,,damaged,IMAGE_DAMAGED\n');
  for (const status of ['ok', 'damaged', 'IMAGE_EMPTY']) {
    t.is(layout.statusOf(failed(layout, status)), status);
  }
});

test('top lists the best labels; threshold makes the others uncertain', (t) => {
  const classes = ['a', 'b', 'c'];
  const layout = new ResultLayout({ classes, top: 2, threshold: 0.5 });
  t.true(
    lineFormat('csv', layout.columns).header.includes(
      ',top1,top1_probability,top2,top2_probability,status,',
    ),
  );
  t.regex(csv(layout, 'x', 'ok', [0.25, 0.25, 0.5]), /^x,c,.*,c,0\.5,a,0\.25,ok,\n$/);
  t.regex(csv(layout, 'x', 'ok', [0.25, 0.375, 0.375]), /^x,uncertain,.*,b,0\.375,c,0\.375,ok,\n$/);
  t.is(
    new ResultLayout({ classes, top: 9 }).columns.length,
    new ResultLayout({ classes, top: 3 }).columns.length,
  );
  const close = new ResultLayout({ classes, threshold: 0.9 });
  t.regex(csv(close, 'x', 'ok', [0.9, 0.1, 0]), /^x,a,0\.9,/, 'float32 0.9 is not below 0.9');
  const error = t.throws(() => new ResultLayout({ classes: ['uncertain', 'b'], threshold: 0.5 }), {
    instanceOf: LungclsError,
  });
  t.is(error.code, 'INVALID_OPTION');
});

test('the domain stands behind the entropy, and is read from there', (t) => {
  const layout = new ResultLayout({ classes: CLASSES, top: 1, numbered: true });
  const inside = { inDomain: true, score: 0.5, reason: undefined };
  t.regex(csv(layout, 'x', 'ok', [1, 0], inside), /^x,a,1,0,1,0,true,0\.5,,a,1,ok,,7\n$/);
  const outside = { inDomain: false, score: 1.5, reason: 'content' } as const;
  t.regex(csv(layout, 'x', 'ok', [1, 0], outside), /^x,a,1,0,1,0,false,1\.5,content,a,1,ok,,7\n$/);
  for (const domain of [inside, outside, undefined]) {
    const probabilities = new Float32Array([1, 0]);
    const fields = layout.row({ path: 'x', status: 'ok', probabilities, domain, row: 0 });
    t.deepEqual(layout.domainOf(fields), domain);
  }
  t.is(layout.domainOf(failed(layout, 'IMAGE_EMPTY')), undefined);
});

test('a shard numbers its rows', (t) => {
  const layout = new ResultLayout({ classes: CLASSES, numbered: true });
  t.true(lineFormat('csv', layout.columns).header.endsWith('status,error_code,row\n'));
  t.true(csv(layout, 'x', 'ok', [1, 0]).endsWith(',ok,,7\n'));
  const fields = failed(layout, 'IMAGE_EMPTY', 12);
  t.is(fields.length, layout.columns.length);
  t.is(layout.numberOf(fields), 12);
  t.is(layout.statusOf(fields), 'IMAGE_EMPTY');
});

test('a class named as another column gets a column of its own', (t) => {
  const layout = new ResultLayout({ classes: ['path', 'class_path', 'row', 'a'] });
  const names = layout.columns.map(({ name }) => name);
  t.deepEqual(names.slice(2, 6), ['class_path', 'class_class_path', 'row', 'a']);
  t.is(new Set(names).size, names.length);
});

test('numbers have the fewest digits that give the same float32 back', (t) => {
  const floats = new Float32Array(1);
  const bits = new Uint32Array(floats.buffer);
  let state = 1;
  for (let i = 0; i < 20_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Positive and at most 1, as probabilities are.
    bits[0] = state % 0x3f800001;
    const value = floats[0] ?? NaN;
    const text = formatFloat32(value);
    t.is(Math.fround(Number(text)), value);
    t.true(text.replace(/e.*|^0\.0*|\./g, '').length <= 9, text);
  }
  t.is(formatFloat32(Math.fround(0.1)), '0.1');
  t.is(formatFloat32(Math.fround(1 / 3)), '0.33333334');
  t.is(formatFloat32(Math.fround(1.5e-12)), '1.5e-12');
});

test('rank and entropy', (t) => {
  t.deepEqual(rank(new Float32Array([0.2, 0.5, 0.2, 0.1])), [1, 0, 2, 3]);
  t.is(entropy(new Float32Array(4).fill(0.25)), Math.fround(Math.log(4)));
  t.true(Object.is(entropy(new Float32Array([0, 1])), 0));
});

test('JSON lines: the same columns, null where there is no value', (t) => {
  const layout = new ResultLayout({ classes: ['a', '1'], top: 1 });
  const { header, line } = lineFormat('jsonl', layout.columns);
  t.is(header, '');
  t.is(
    line(
      layout.row({
        path: 'é "\n',
        status: 'ok',
        probabilities: new Float32Array([1, 1e-12]),
        domain: { inDomain: false, score: Math.fround(2.3), reason: 'colour' },
        row: 0,
      }),
    ),
    '{"path":"é \\"\\n","label":"a","a":1,"1":1e-12,"max_probability":1,"entropy_nats":2.763102e-11,' +
      '"in_domain":false,"domain_score":2.3,"domain_reason":"colour",' +
      '"top1":"a","top1_probability":1,"status":"ok","error_code":null}\n',
  );
  const without = JSON.parse(line(failed(layout, 'IMAGE_EMPTY'))) as unknown;
  t.deepEqual(without, {
    ...{ path: 'x', label: null, a: null, 1: null, max_probability: null, entropy_nats: null },
    ...{ in_domain: null, domain_score: null, domain_reason: null },
    ...{ top1: null, top1_probability: null, status: 'failed', error_code: 'IMAGE_EMPTY' },
  });
});

test('the format is that of the name, or the one asked for', (t) => {
  t.is(resultFormat('a/b.CSV'), 'csv');
  t.is(resultFormat('b.jsonl'), 'jsonl');
  t.is(resultFormat('b.x.parquet'), 'parquet');
  t.is(resultFormat('b.txt', 'jsonl'), 'jsonl');
  t.is(resultFormat(process.stdout), 'csv');
  t.throws(() => resultFormat('b.txt'), {
    code: 'INVALID_OPTION',
    message: /\.csv, \.jsonl, \.parquet .*"b\.txt"/,
  });
  t.throws(() => resultFormat('csv'), { code: 'INVALID_OPTION' });
  t.throws(() => resultFormat(process.stdout, 'parquet'), {
    code: 'INVALID_OPTION',
    message: /stream/,
  });
});
