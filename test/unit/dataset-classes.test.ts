import test from 'ava';
import { findClasses } from '#src/dataset/classes.js';

const LC = 'lung_colon_image_set/lung_image_sets';
const COLON = 'lung_colon_image_set/colon_image_sets';

test("LC25000: the recipe's order, colon folders left out, wherever they stand", (t) => {
  const paths = [
    `${COLON}/colon_aca`,
    `${COLON}/colon_n`,
    `${LC}/lung_aca`,
    `${LC}/lung_n`,
    `${LC}/lung_scc`,
  ];
  const layout = findClasses(paths, 'in', undefined);
  t.deepEqual(layout.classes, ['lung_n', 'lung_aca', 'lung_scc']);
  t.deepEqual([...layout.labels], [-1, -1, 1, 0, 2]);
});

test('LC25000: those lung classes that are there, and colon alone', (t) => {
  const some = findClasses(['lung_scc', 'lung_n'], 'in', undefined);
  t.deepEqual(some.classes, ['lung_n', 'lung_scc']);
  const colon = findClasses(['colon_n', 'colon_aca'], 'in', undefined);
  t.deepEqual(colon.classes, ['colon_aca', 'colon_n']);
});

test('other class sets are in alphabetical order, also with an LC25000 name among them', (t) => {
  t.deepEqual(findClasses(['x/b', 'x/a', 'x/C'], 'in', undefined).classes, ['C', 'a', 'b']);
  t.deepEqual(findClasses(['lung_n', 'blank'], 'in', undefined).classes, ['blank', 'lung_n']);
});

test('named classes are taken in the order given, deep ones too', (t) => {
  const paths = ['s/colon_n/p1', 's/lung_n', 's/lung_n/colon_n', 's/other'];
  const layout = findClasses(paths, 'in', ['lung_n', 'colon_n']);
  t.deepEqual(layout.classes, ['lung_n', 'colon_n']);
  t.deepEqual([...layout.labels], [1, 0, 1, -1]);
});

test('an unknown class is refused, naming those there are', (t) => {
  t.throws(() => findClasses(['a', 'b'], 'in', ['a', 'c']), {
    code: 'UNKNOWN_CLASS',
    message: /named c;.*a, b/,
  });
});

test('unclear layouts are refused, not guessed at', (t) => {
  const ambiguous = { code: 'CLASSES_AMBIGUOUS' };
  t.throws(() => findClasses(['train/a', 'test/a'], 'in', undefined), ambiguous);
  t.throws(() => findClasses(['a', 'a/crops'], 'in', undefined), ambiguous);
  t.throws(() => findClasses(['train/lung_n', 'test/lung_n'], 'in', undefined), ambiguous);
  // Named, they are taken together.
  const layout = findClasses(['train/a', 'test/b', 'test/a'], 'in', ['a', 'b']);
  t.deepEqual([...layout.labels], [0, 1, 0]);
});

test('images at the root belong to no class', (t) => {
  const layout = findClasses(['', 'a', 'b'], 'in', undefined);
  t.deepEqual([...layout.labels], [-1, 0, 1]);
});

test('wrong class options name the field and what came', (t) => {
  const wrong = (classes: unknown, message: RegExp): void => {
    t.throws(() => findClasses(['a'], 'in', classes as string[]), {
      code: 'INVALID_OPTION',
      message,
    });
  };
  wrong([], /Expected a list of class names for classes/);
  wrong('a', /Expected a list of class names for classes/);
  wrong(['a', 3], /classes\[1\].*3 of type number/);
  wrong(['a', 'a'], /named twice/);
  wrong(['a/b'], /classes\[0\]/);
});
