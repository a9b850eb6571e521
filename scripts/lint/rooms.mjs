// The arrows of ARCHITECTURE.md as a lint rule: a room of src/ imports from lower floors only.
import { dirname, relative, resolve, sep } from 'node:path';

/** Floors, lowest first; `beside` names rooms of the same floor that a room may also use. */
const FLOORS = [
  [{ room: 'errors.ts' }, { room: 'config.ts' }],
  [{ room: 'storage' }, { room: 'native' }, { room: 'runtime', beside: ['native', 'storage'] }],
  [
    { room: 'imaging' },
    { room: 'dataset', beside: ['imaging'] },
    { room: 'network' },
    { room: 'domain' },
    { room: 'onnx', beside: ['network'] },
  ],
  [{ room: 'bundle' }, { room: 'audit' }],
  [
    { room: 'evaluation' },
    { room: 'report', beside: ['evaluation'] },
    { room: 'inference' },
    { room: 'training', beside: ['evaluation', 'report', 'inference'] },
    { room: 'export', beside: ['evaluation', 'inference'] },
    { room: 'assessment', beside: ['evaluation', 'report', 'inference', 'training'] },
  ],
  [{ room: 'demo.ts' }, { room: 'bench' }, { room: 'index.ts', beside: ['demo.ts', 'bench'] }],
  [{ room: 'cli' }],
];

const ROOMS = new Map(
  FLOORS.flatMap((rooms, floor) => rooms.map(({ room, beside = [] }) => [room, { floor, beside }])),
);

/**
 * What is wrong with an import from one room into another, or undefined.
 * @param {string} from a folder of src/, or a file directly in it
 * @param {string} to
 */
export function roomProblem(from, to) {
  if (from === to) return undefined;
  const importer = ROOMS.get(from);
  const imported = ROOMS.get(to);
  if (importer === undefined || imported === undefined) {
    const unknown = importer === undefined ? from : to;
    return `src/${unknown} has no floor yet: give it one in scripts/lint/rooms.mjs and ARCHITECTURE.md`;
  }
  if (imported.floor < importer.floor || importer.beside.includes(to)) return undefined;
  return `src/${from} (floor ${importer.floor}) must not import src/${to} (floor ${imported.floor}): a room imports from lower floors only`;
}

function roomOf(sourceRoot, file) {
  const [first, second] = relative(sourceRoot, file).split(sep);
  if (first === '..') return undefined;
  // Imports name the emitted file.
  return second === undefined ? first.replace(/\.js$/, '.ts') : first;
}

/** @type {import('eslint').Rule.RuleModule} */
const rule = {
  meta: {
    type: 'problem',
    docs: { description: 'a room of src/ imports from lower floors only' },
    schema: [{ type: 'object', properties: { root: { type: 'string' } }, required: ['root'] }],
  },
  create(context) {
    const { root } = context.options[0];
    const from = roomOf(root, context.filename);
    if (from === undefined) return {};
    const check = ({ source }) => {
      if (source?.type !== 'Literal' || !String(source.value).startsWith('.')) return;
      const to = roomOf(root, resolve(dirname(context.filename), String(source.value)));
      const message =
        to === undefined ? 'src/ imports nothing outside itself' : roomProblem(from, to);
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

export default { rules: { floors: rule } };
