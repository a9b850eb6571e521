/** Text as outlines, so that titles look the same on machines without fonts or fontconfig. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import opentype from 'opentype.js';

/** DejaVu Sans: Latin, Greek, Cyrillic, Arabic and more; a box stands for what it does not have. */
const FONT = 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf';

let font: Promise<opentype.Font> | undefined;

async function load(): Promise<opentype.Font> {
  const bytes = await readFile(createRequire(import.meta.url).resolve(FONT));
  return opentype.parse(new Uint8Array(bytes).buffer);
}

export interface TitleOptions {
  /** Left end and base line, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Height of the font in pixels. */
  readonly size: number;
  /** Longer text is cut in its middle, where file names differ least. */
  readonly maxWidth: number;
  /** An SVG colour. */
  readonly fill: string;
}

/**
 * An SVG path of one line of text, one glyph a character from left to right: no shaping, which
 * titles of file names can do without. Line breaks and other control characters become spaces.
 */
export async function titlePath(text: string, options: TitleOptions): Promise<string> {
  font ??= load();
  const loaded = await font;
  const { y, size, maxWidth, fill } = options;
  const line = text.replace(/\p{Cc}|\u2028|\u2029/gu, ' ');
  let { x } = options;
  let outlines = '';
  for (const glyph of fitted(
    glyphsOf(line, loaded),
    glyphsOf('…', loaded),
    loaded,
    size,
    maxWidth,
  )) {
    outlines += glyph.getPath(x, y, size).toPathData(1);
    x += advance(glyph, loaded, size);
  }
  return `<path d="${outlines}" fill="${fill}"/>`;
}

function glyphsOf(text: string, loaded: opentype.Font): opentype.Glyph[] {
  return Array.from(text, (character) => loaded.charToGlyph(character));
}

/** Width of a glyph with the space to the next, in pixels. */
function advance(glyph: opentype.Glyph, loaded: opentype.Font, size: number): number {
  return ((glyph.advanceWidth ?? 0) * size) / loaded.unitsPerEm;
}

/** All glyphs if they fit, else the first and the last with `dots` between. */
function fitted(
  glyphs: readonly opentype.Glyph[],
  dots: readonly opentype.Glyph[],
  loaded: opentype.Font,
  size: number,
  maxWidth: number,
): readonly opentype.Glyph[] {
  const width = (list: readonly opentype.Glyph[]): number =>
    list.reduce((sum, glyph) => sum + advance(glyph, loaded, size), 0);
  let shown = glyphs;
  // No title of interest is longer than a few hundred characters.
  for (let kept = Math.min(glyphs.length - 1, 400); kept > 0 && width(shown) > maxWidth; kept--) {
    const tail = Math.floor(kept / 2);
    shown = [...glyphs.slice(0, kept - tail), ...dots, ...glyphs.slice(glyphs.length - tail)];
  }
  return shown;
}
