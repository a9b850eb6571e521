/** HTML by tagged templates in which everything is escaped unless it is HTML already. */

/** A piece of finished HTML. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

/** What may stand in a template; `undefined` and `false` give nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text that is safe between tags and inside a quoted attribute. What HTML or UTF-8 cannot hold, NUL
 * and unpaired surrogates, becomes U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replaceAll('\u0000', '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Control characters as their pictures (U+2400 onwards): a line break in a file name is seen. */
export function visibleControls(text: string): string {
  return text.replace(/\p{Control}/gu, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\u2421';
  });
}

const WORD_BREAK = new Html('<wbr>');

function render(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return part.map(render).join('');
}

/** `html\`<p>${text}</p>\``: every value is escaped unless it is `Html`; arrays are joined. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? '';
  parts.forEach((part, index) => {
    text += render(part) + (strings[index + 1] ?? '');
  });
  return new Html(text);
}

/**
 * A name given by users or files: isolated, so that right-to-left marks in it turn nothing else,
 * and with places where a narrow column may break it.
 */
export function name(text: string): Html {
  const pieces = visibleControls(text).split(/(?<=[_/-])(?=.)/u);
  return html`<bdi>${pieces.map((piece, i) => [i > 0 && WORD_BREAK, piece])}</bdi>`;
}
