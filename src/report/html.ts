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
 * Text that is safe between tags and inside a quoted attribute. Unpaired surrogates, which UTF-8
 * cannot hold, become U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/**
 * Control characters as their pictures (U+2400 onwards), so that a newline in a file name is seen
 * and a NUL, which HTML cannot hold, does not vanish.
 */
export function visibleControls(text: string): string {
  return text
    .replace(/[\u0000-\u001f]/g, (character) =>
      String.fromCharCode(0x2400 + character.charCodeAt(0)),
    )
    .replace(/[\u007f-\u009f]/g, '\u2421');
}

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

/** A name given by users or files: isolated, so that right-to-left marks in it turn nothing else. */
export function name(text: string): Html {
  return html`<bdi>${visibleControls(text)}</bdi>`;
}
