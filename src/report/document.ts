/** The frame of every page that the tool writes: one HTML file that asks for nothing. */
import { createHash } from 'node:crypto';
import { RESEARCH_NOTICE } from '../config.js';
import { renderSection, type Section } from './components.js';
import { Html, html, visibleControls } from './html.js';

export interface DocumentOptions {
  readonly title: string;
  readonly toolVersion: string;
  readonly banner: Html;
  readonly sections: readonly Section[];
  /** Constants of ours, never anything from outside: they stand in the page as they are. */
  readonly style: string;
  readonly script: string;
}

function cspHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/**
 * What the browser lets the page do: show pictures that stand in it, apply its one style sheet and
 * run its one script, by hash. Anything else, every request above all, is refused.
 * (https://www.w3.org/TR/CSP3/)
 */
function policy({ style, script }: DocumentOptions): string {
  return [
    "default-src 'none'",
    'img-src data:',
    `style-src ${cspHash(style)}`,
    `script-src ${cspHash(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** An element around a constant of ours, to the byte: its hash stands in the policy. */
function element(tag: 'style' | 'script', text: string): Html {
  return new Html(`<${tag}>${text}</${tag}>`);
}

/** The whole page as text. */
export function renderDocument(options: DocumentOptions): string {
  const { title, toolVersion, banner, sections, style, script } = options;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy(options)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="lungcls-fast ${toolVersion}" />
        <link rel="icon" href="data:," />
        <title>${visibleControls(title)}</title>
        ${element('style', style)}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <div class="page">
          ${banner}
          <main id="content" tabindex="-1">${sections.map(renderSection)}</main>
          <footer>${RESEARCH_NOTICE}</footer>
        </div>
        ${element('script', script)}
      </body>
    </html> `.text;
}
