/**
 * Reads data out of minified JavaScript without running it: object, array, string, number, boolean
 * and null literals, as a minifier writes them (bare keys, `!0` for true, `.5`). Anything else, a
 * call, a name, an operator, is refused.
 */

export type Literal = string | number | boolean | null | readonly Literal[] | LiteralRecord;

export interface LiteralRecord {
  readonly [key: string]: Literal;
}

const NUMBER = /-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const KEY = /[A-Za-z_$][\w$]*/y;
const MAX_DEPTH = 100;

/**
 * Parses the literal that starts at `start`; what follows it is not looked at.
 * @throws SyntaxError with the offset where it is not a literal
 */
export function parseLiteral(source: string, start: number): Literal {
  let at = start;

  function fail(what: string): never {
    throw new SyntaxError(`expected ${what} at offset ${at}`);
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }

  function take(text: string): boolean {
    if (!source.startsWith(text, at)) return false;
    at += text.length;
    return true;
  }

  function string(): string {
    const quote = source[at];
    const end = source.indexOf(quote ?? '"', at + 1);
    if (end < 0) fail('the end of a string');
    const text = source.slice(at + 1, end);
    // The strings we read are names and base64; escapes do not occur in them.
    if (text.includes('\\')) fail('a string without escapes');
    at = end + 1;
    return text;
  }

  function object(depth: number): Literal {
    const result: Record<string, Literal> = Object.create(null) as Record<string, Literal>;
    if (take('}')) return result;
    do {
      const first = source[at];
      const key = first === '"' || first === "'" ? string() : (match(KEY) ?? fail('a key'));
      if (!take(':')) fail('":"');
      result[key] = value(depth);
    } while (take(','));
    if (!take('}')) fail('"}"');
    return result;
  }

  function array(depth: number): Literal {
    const result: Literal[] = [];
    if (take(']')) return result;
    do result.push(value(depth));
    while (take(','));
    if (!take(']')) fail('"]"');
    return result;
  }

  function value(depth: number): Literal {
    if (depth > MAX_DEPTH) fail('less nesting');
    if (take('{')) return object(depth + 1);
    if (take('[')) return array(depth + 1);
    if (source[at] === '"' || source[at] === "'") return string();
    if (take('!0') || take('true')) return true;
    if (take('!1') || take('false')) return false;
    if (take('null')) return null;
    const number = match(NUMBER);
    if (number !== undefined) return Number(number);
    return fail('a literal');
  }

  return value(0);
}
