import test from 'ava';
import { displayName, isIgnoredName, isImageName } from '#src/dataset/names.js';
import { compareNames, comparePaths } from '#src/dataset/natural-order.js';

test('numbers in names compare as numbers', (t) => {
  const names = ['lungn10.jpeg', 'lungn2.jpeg', 'lungn1.jpeg', 'lungn100.jpeg', 'lungn20.jpeg'];
  t.deepEqual(names.sort(compareNames), [
    'lungn1.jpeg',
    'lungn2.jpeg',
    'lungn10.jpeg',
    'lungn20.jpeg',
    'lungn100.jpeg',
  ]);
});

test('the order is total, whatever the order it starts from', (t) => {
  const sorted = [
    '',
    ' a',
    '0',
    '00x',
    '0x',
    '1',
    '01a',
    '1a',
    '2',
    '10',
    '99999999999999999998',
    '99999999999999999999',
    'A',
    'B',
    'a',
    'a01',
    'a1',
    'a1b',
    'a2',
    'a b',
    'ab',
    'é',
    '肺',
    '\ufffd',
    '😀',
  ];
  // By the rule, not by the list above: where the next characters are no digits, code points decide.
  const expected = [...sorted].sort(compareNames);
  for (let turn = 1; turn < sorted.length; turn++) {
    const rotated = [...sorted.slice(turn), ...sorted.slice(0, turn)];
    t.deepEqual(rotated.sort(compareNames), expected);
    t.deepEqual(rotated.reverse().sort(compareNames), expected);
  }
  for (const [i, a] of expected.entries()) {
    for (const [j, b] of expected.entries()) {
      t.is(Math.sign(compareNames(a, b)), Math.sign(i - j), `${a} against ${b}`);
    }
  }
});

test('single rules', (t) => {
  t.true(compareNames('a1', 'a01') > 0, 'equal numbers: character by character');
  t.true(compareNames('a01b', 'a1c') < 0, 'leading zeros count only where all else is equal');
  t.true(compareNames('Z', 'a') < 0, 'upper case first');
  t.true(compareNames('\ufffd', '😀') < 0, 'code points, not UTF-16 units');
  t.true(compareNames('a', 'a1') < 0, 'a beginning comes first');
  t.true(comparePaths(['a', 'z'], ['a b', 'a']) < 0, 'folder by folder');
  t.true(comparePaths(['n2', 'x'], ['n10', 'a']) < 0);
});

test('image names, hidden names', (t) => {
  for (const name of [
    'a.jpeg',
    'A.JPG',
    'b.Png',
    'c.tif',
    'c.TIFF',
    'd.webp',
    'e.bmp',
    'x.y.jpg',
  ]) {
    t.true(isImageName(name), name);
  }
  for (const name of ['a.txt', 'jpeg', '.jpeg', 'a.jpeg.zip', 'a.jpegx'])
    t.false(isImageName(name), name);
  t.true(isIgnoredName('._a.jpeg'));
  t.true(isIgnoredName('__MACOSX'));
  t.false(isIgnoredName('_a.jpeg'));
});

test('bytes that are not UTF-8 are shown in hex', (t) => {
  t.is(displayName(Buffer.from('grün 肺\n')), 'grün 肺\n');
  t.is(displayName(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3])), 'a\\xffé\\xc3');
});
