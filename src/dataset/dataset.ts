/** Labelled images: a folder or a .zip archive with one sub-folder a class. */
import { stat } from 'node:fs/promises';
import { archiveKind, type ArchiveKind } from './archive-kind.js';
import { LungclsError, readError } from '../errors.js';
import { findClasses, listed } from './classes.js';
import { DatasetItems } from './dataset-items.js';
import { FolderImages, type ImageList } from './image-list.js';
import { walkImages } from './walk.js';
import { readZip } from './zip.js';

export interface DatasetOptions {
  /** Names of the class folders to take, in the order of their labels. */
  classes?: readonly string[];
  /** Fewest classes that are accepted; 2 by default, as training needs. */
  minimumClasses?: number;
  signal?: AbortSignal;
}

export interface Dataset {
  /** The folder or archive, as it was given. */
  readonly input: string;
  readonly kind: 'folder' | 'zip';
  readonly classes: readonly string[];
  /**
   * All images: class by class in the order of `classes`, within a class by path in natural order
   * (see natural-order.ts). Splits depend on this order.
   */
  readonly items: DatasetItems;
  /** Lines a user should see: what was left out. */
  readonly warnings: readonly string[];
}

/**
 * Lists the images of a folder or a .zip archive (told by its content) and finds the classes in it,
 * wherever their folders stand inside; see findClasses for the rules and the class order. Hidden
 * files, `__MACOSX` and files without an image's extension (.jpeg .jpg .png .tif .tiff .webp .bmp,
 * in any case) are not looked at.
 *
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | INPUT_EMPTY (no images) |
 *   TOO_FEW_CLASSES | UNKNOWN_CLASS | CLASSES_AMBIGUOUS | INVALID_OPTION | ABORTED, and the ZIP_*
 *   codes of readZip
 */
export async function openDataset(input: string, options: DatasetOptions = {}): Promise<Dataset> {
  const kind = await inputKind(input);
  const listing =
    kind === 'zip'
      ? await readZip(input, '', options.signal)
      : await listFolder(input, options.signal);
  const { images } = listing;
  if (images.length === 0) {
    throw new LungclsError(
      'INPUT_EMPTY',
      `${input} holds no images (.jpeg, .jpg, .png, .tif, .tiff, .webp or .bmp files)`,
      { path: input },
    );
  }
  const counts = imagesPerFolder(images);
  const filled = [...counts.keys()].map((folder) => images.folders[folder] ?? '');
  const layout = findClasses(filled, input, options.classes);
  const minimum = options.minimumClasses ?? 2;
  if (layout.classes.length < minimum) {
    throw new LungclsError(
      'TOO_FEW_CLASSES',
      `${input} has ${layout.classes.length === 0 ? 'no class folder' : `one class only, ${listed(layout.classes)}`}; at least ${String(minimum)} are needed, each a sub-folder with images`,
      { path: input },
    );
  }
  const labels = new Map([...counts.keys()].map((folder, i) => [folder, layout.labels[i] ?? -1]));
  const items = new DatasetItems(images, layout.classes.length, labels);
  const warnings: string[] = [];
  for (const [folder, count] of counts) {
    if (labels.get(folder) !== -1) continue;
    const name = images.folders[folder] ?? '';
    warnings.push(
      `Left out: ${String(count)} images ${name === '' ? 'that stand in no class folder' : `in ${name}`}`,
    );
  }
  for (const folder of emptyFolders(listing.folders, filled)) {
    warnings.push(`Left out: the folder ${folder}, which holds no images`);
  }
  return { input, kind, classes: layout.classes, items, warnings };
}

/** How many images each folder holds, by its number, in the order of the images. */
function imagesPerFolder(images: ImageList): Map<number, number> {
  const counts = new Map<number, number>();
  for (let i = 0; i < images.length; i++) {
    const folder = images.folderOf(i);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return counts;
}

/**
 * Whether a path is a folder, a zip archive or another file.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE (not a plain file either)
 */
export async function pathKind(path: string): Promise<'folder' | 'file' | ArchiveKind> {
  let stats;
  try {
    stats = await stat(path);
  } catch (error) {
    throw readError(error, path, 'file or folder');
  }
  if (stats.isDirectory()) return 'folder';
  if (!stats.isFile()) {
    throw new LungclsError('INPUT_UNREADABLE', `${path} is neither a file nor a folder`, { path });
  }
  return (await archiveKind(path)) ?? 'file';
}

async function inputKind(input: string): Promise<'folder' | 'zip'> {
  const kind = await pathKind(input);
  if (kind === 'folder' || kind === 'zip') return kind;
  if (input.toLowerCase().endsWith('.zip')) {
    throw new LungclsError(
      'ZIP_DAMAGED',
      `${input} does not begin as a zip archive does: it is damaged, or its download was cut off`,
      { path: input },
    );
  }
  throw new LungclsError(
    'INPUT_UNREADABLE',
    `Expected a folder or a .zip archive with one sub-folder a class but ${input} is another kind of file`,
    { path: input },
  );
}

interface Listing {
  readonly images: ImageList;
  readonly folders: readonly string[];
}

async function listFolder(root: string, signal: AbortSignal | undefined): Promise<Listing> {
  const folders: string[] = [];
  const images = new FolderImages(root);
  const onFolder = (path: string): void => {
    if (path !== '') folders.push(path);
  };
  for await (const image of walkImages(root, '', { signal, onFolder })) images.push(image);
  return { images, folders };
}

/** The topmost folders with no image below: an empty class folder should not go unnoticed. */
function emptyFolders(folders: readonly string[], withImages: readonly string[]): string[] {
  const filled = new Set(withImages);
  for (const path of withImages) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      filled.add(path.slice(0, cut));
    }
  }
  const empty = new Set(folders.filter((folder) => !filled.has(folder)));
  return [...empty].filter(
    (folder) => !empty.has(folder.slice(0, Math.max(folder.lastIndexOf('/'), 0))),
  );
}
