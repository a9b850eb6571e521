/** Which folders are the classes, and in which order. */
import { LC25000_CLASSES } from '../config.js';
import { LungclsError } from '../errors.js';
import { compareCodePoints, compareNames } from './natural-order.js';
import { pathSegments } from './names.js';

/** The colon half of LC25000: left out unless it is named, for this tool is about lungs. */
const LC25000_COLON = ['colon_aca', 'colon_n'] as const;

export interface ClassLayout {
  /** Class names; their position is the label. */
  readonly classes: readonly string[];
  /** One per folder: the label of its images, or -1 where they are in none of the classes. */
  readonly labels: Int32Array;
}

/**
 * Finds the classes among the folders of images.
 *
 * - With `wanted`: those names, in that order; an image belongs to the innermost folder above it
 *   that has such a name.
 * - Where all folders that hold images have names of LC25000 (`lung_n`, `lung_aca`, `lung_scc`,
 *   `colon_aca`, `colon_n`), wherever they stand: the lung ones, in that order, which is the
 *   recipe's; the colon ones only where there is no other.
 * - Else: the folders that hold images, which must all stand in one folder, ordered by code point.
 *
 * @param folderPaths of all folders that hold images, '/'-separated, from the root of the data set, itself ''
 * @throws LungclsError INVALID_OPTION | UNKNOWN_CLASS | CLASSES_AMBIGUOUS
 */
export function findClasses(
  folderPaths: readonly string[],
  input: string,
  wanted: readonly string[] | undefined,
): ClassLayout {
  const folders = folderPaths.map(pathSegments);
  if (wanted !== undefined) {
    checkNames(wanted);
    return named(folders, input, wanted);
  }
  const below = folderPaths.filter((path) => path !== '');
  const names = new Set(below.map((path) => pathSegments(path).at(-1) ?? ''));
  const lung = LC25000_CLASSES.filter((name) => names.has(name));
  const known: ReadonlySet<string> = new Set<string>([...LC25000_CLASSES, ...LC25000_COLON]);
  const isLc25000 = names.size > 0 && [...names].every((name) => known.has(name));
  checkUnambiguous(below, input, isLc25000);
  const classes = isLc25000 && lung.length > 0 ? lung : [...names].sort(compareCodePoints);
  return label(folders, classes, (folder) => folder.at(-1));
}

function checkNames(wanted: unknown): void {
  if (!Array.isArray(wanted) || wanted.length === 0) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a list of class names for classes but received ${JSON.stringify(wanted)} of type ${typeof wanted}`,
    );
  }
  wanted.forEach((name: unknown, i) => {
    if (typeof name !== 'string' || name === '' || name.includes('/')) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected the name of a folder for classes[${String(i)}] but received ${JSON.stringify(name)} of type ${typeof name}`,
      );
    }
    if (wanted.indexOf(name) !== i) {
      throw new LungclsError('INVALID_OPTION', `The class ${name} is named twice in classes`);
    }
  });
}

function named(
  folders: readonly (readonly string[])[],
  input: string,
  wanted: readonly string[],
): ClassLayout {
  const layout = label(folders, wanted, (folder) =>
    folder.findLast((name) => wanted.includes(name)),
  );
  const present = new Set(layout.labels);
  const missing = wanted.filter((_, index) => !present.has(index));
  if (missing.length > 0) {
    const there = [...new Set(folders.map((folder) => folder.at(-1) ?? ''))].filter(
      (n) => n !== '',
    );
    throw new LungclsError(
      'UNKNOWN_CLASS',
      `${input} has no images in a folder named ${missing.join(', ')}; the folders with images are ${listed(there.sort(compareNames))}`,
      { path: input },
    );
  }
  return layout;
}

/** Two class folders of one name, or on different levels, would silently give wrong labels. */
function checkUnambiguous(folders: readonly string[], input: string, isLc25000: boolean): void {
  const byName = new Map<string, string>();
  const parents = new Map<string, string>();
  for (const folder of folders) {
    const cut = folder.lastIndexOf('/');
    const name = folder.slice(cut + 1);
    const twin = byName.get(name);
    const problem =
      twin !== undefined
        ? `${name} is there twice, as ${twin} and as ${folder}`
        : isLc25000 || parents.size === 0 || parents.has(folder.slice(0, Math.max(cut, 0)))
          ? undefined
          : `images stand on different levels, in ${[...parents.values()][0] ?? ''} and in ${folder}`;
    if (problem !== undefined) {
      throw new LungclsError(
        'CLASSES_AMBIGUOUS',
        `Which folders of ${input} are the classes is not clear: ${problem}. Give the folder that holds the class folders, or name the classes (--classes)`,
        { path: input },
      );
    }
    byName.set(name, folder);
    parents.set(folder.slice(0, Math.max(cut, 0)), folder);
  }
}

function label(
  folders: readonly (readonly string[])[],
  classes: readonly string[],
  classOf: (folder: readonly string[]) => string | undefined,
): ClassLayout {
  const index = new Map(classes.map((name, i) => [name, i]));
  const labels = Int32Array.from(folders, (folder) => index.get(classOf(folder) ?? '') ?? -1);
  return { classes: [...classes], labels };
}

/** The first few names of a list, and how many more there are. */
export function listed(names: readonly string[], most = 12): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${String(names.length - most)} more` : shown;
}
