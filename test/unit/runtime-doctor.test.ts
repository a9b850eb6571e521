import test from 'ava';
import { doctor, supportedNode, type Fact } from '#src/runtime/doctor.js';

test('doctor looks at everything, and names a remedy for whatever is missing', async (t) => {
  const further: Fact = { id: 'base', name: 'Base', status: 'missing', value: '-', mend: 'fetch' };
  const facts = await doctor([further]);
  const ids = facts.map(({ id }) => id);
  t.is(new Set(ids).size, ids.length);
  for (const id of [
    ...[
      'node',
      'npm',
      'compiler',
      'cmake',
      'addon',
      'buffers',
      'training-kernel',
      'tensorflow',
      'onnxruntime',
      'cuda',
    ],
    ...['cpu', 'memory', 'disk-home', 'disk-here', 'base'],
  ]) {
    t.true(ids.includes(id), id);
  }
  for (const fact of facts) {
    t.true(fact.value.length > 0, fact.id);
    if (fact.status === 'missing') t.truthy(fact.mend, fact.id);
  }
  t.is(facts.at(-1), further);
  t.is(facts.find(({ id }) => id === 'node')?.value, process.version);
  t.regex(facts.find(({ id }) => id === 'tensorflow')?.value ?? '', /libtensorflow|wasm/);
  t.regex(facts.find(({ id }) => id === 'onnxruntime')?.value ?? '', /^\d+\.\d+\.\d+, .*cpu/);
});

test('the versions of Node that are supported', (t) => {
  for (const good of ['v20.19.0', 'v20.20.2', 'v22.20.0', 'v24.12.0', 'v25.0.0']) {
    t.true(supportedNode(good), good);
  }
  for (const bad of ['v18.20.0', 'v20.18.3', 'v21.7.3', 'v22.19.0', 'v23.11.0', 'v24.11.1']) {
    t.false(supportedNode(bad), bad);
  }
});
