/**
 * Patterns of paths, as a shell has them: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{jpg,png}`,
 * and `**` for any number of folders. They are matched while folders are walked, one name at a time, so
 * that nothing is gathered and no folder is opened that cannot hold a match.
 */
import { isArchiveName, isImageName } from './names.js';
import { EVERY_IMAGE, type WalkFilter } from './walk-filter.js';

const SPECIAL = /[*?[{]/;

export interface Glob {
  /** The folder above everything that can match; empty for the current one. */
  readonly folder: string;
  readonly filter: WalkFilter;
}

/** True where a path has characters that mean something in a pattern. */
export function isGlob(path: string): boolean {
  return SPECIAL.test(path);
}

/**
 * Reads a pattern. What it takes are images and archives whose path matches, and all images below a
 * folder whose path matches. Hidden names are never taken.
 */
export function parseGlob(pattern: string): Glob {
  const segments = pattern.split('/');
  const first = segments.findIndex((segment) => SPECIAL.test(segment));
  const steps = segments.slice(first).filter((segment) => segment !== '' && segment !== '.');
  // The root itself has an empty name.
  const folder = segments.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '');
  return { folder, filter: new GlobFilter(steps.map(parseStep), new Set([0])) };
}

/** One segment: what a name has to match, or any number of folders. */
type Step = RegExp | 'folders';

class GlobFilter implements WalkFilter {
  readonly #steps: readonly Step[];
  /** How many steps the folders so far can have taken. */
  readonly #taken: ReadonlySet<number>;

  constructor(steps: readonly Step[], taken: ReadonlySet<number>) {
    this.#steps = steps;
    this.#taken = taken;
  }

  takes(name: string): boolean {
    return (isImageName(name) || isArchiveName(name)) && this.#after(name).has(this.#steps.length);
  }

  enter(name: string): WalkFilter | undefined {
    const taken = this.#after(name);
    if (taken.has(this.#steps.length)) return EVERY_IMAGE;
    return taken.size === 0 ? undefined : new GlobFilter(this.#steps, taken);
  }

  /** How many steps can have been taken once `name` has been passed. */
  #after(name: string): Set<number> {
    const after = new Set<number>();
    for (let at of this.#taken) {
      // `**` may stand for no folder at all.
      for (; this.#steps[at] === 'folders'; at++) after.add(at);
      const step = this.#steps[at];
      if (step instanceof RegExp && step.test(name)) after.add(at + 1);
    }
    // At the end of a pattern it takes whatever is there.
    if (this.#steps.at(-1) === 'folders' && after.has(this.#steps.length - 1)) {
      after.add(this.#steps.length);
    }
    return after;
  }
}

function parseStep(segment: string): Step {
  if (segment === '**') return 'folders';
  let source = '';
  let depth = 0;
  for (let i = 0; i < segment.length; i++) {
    const c = segment[i] ?? '';
    const end = c === '[' ? segment.indexOf(']', i + 2) : -1;
    if (c === '*') source += '.*';
    else if (c === '?') source += '.';
    else if (end > 0) {
      const negated = /[!^]/.test(segment[i + 1] ?? '');
      const set = segment.slice(i + (negated ? 2 : 1), end);
      source += `[${negated ? '^' : ''}${set.replaceAll(/[\\\]^[&]/g, '\\$&')}]`;
      i = end;
    } else if (c === '{' && segment.includes('}', i)) {
      source += '(?:';
      depth++;
    } else if (c === '}' && depth > 0) {
      source += ')';
      depth--;
    } else if (c === ',' && depth > 0) source += '|';
    else source += c.replace(/[\\^$.|+()[\]{}/-]/, '\\$&');
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`, 'su');
}
