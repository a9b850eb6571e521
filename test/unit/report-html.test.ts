import test from 'ava';
import { escapeHtml, html, name, visibleControls } from '#src/report/html.js';

test('a template escapes every value, in text and in attributes', (t) => {
  const value = `<b a="1" c='2'>&`;
  t.is(
    html`<p title="${value}">${value}</p>`.text,
    '<p title="&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;">&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;</p>',
  );
});

test('HTML in HTML stays, arrays are joined, undefined and false give nothing, 0 is shown', (t) => {
  t.is(html`${[html`<i>a</i>`, '<', [1, 0]]}${undefined}${false}`.text, '<i>a</i>&lt;10');
});

test('replacement patterns of String.replace in a value are plain text', (t) => {
  t.is(html`<p>${"$& $' $1"}</p>`.text, '<p>$&amp; $&#39; $1</p>');
});

test('what UTF-8 and HTML cannot hold is shown as a picture of it', (t) => {
  t.is(escapeHtml('a\ud800\u0000b'), 'a\ufffd\ufffdb');
  t.is(escapeHtml('a\ud83e\udec1b'), 'a\ud83e\udec1b');
  t.is(visibleControls('a\u0000\n\t\u007f\u0085b'), 'a\u2400\u240a\u2409\u2421\u2421b');
});

test('a name is isolated from its surroundings and may be broken at its joints', (t) => {
  t.is(name('lung_aca/x').text, '<bdi>lung_<wbr>aca/<wbr>x</bdi>');
  t.is(name('').text, '<bdi></bdi>');
});
