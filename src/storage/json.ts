/** JSON from outside: as deep as ours ever is, no deeper. */

/** Our own files nest a handful of levels. */
const MAX_DEPTH = 64;

/**
 * JSON.parse, but for texts nested so deep that whatever walks the value (JSON.stringify does) would
 * run out of stack.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') {
      quoted = true;
    } else if (c === '[' || c === '{') {
      if (++depth > MAX_DEPTH) throw new SyntaxError('JSON nested too deep');
    } else if (c === ']' || c === '}') {
      depth--;
    }
  }
  return JSON.parse(text);
}
