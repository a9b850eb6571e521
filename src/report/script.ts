/**
 * The page's only script, as text. Everything is readable without it; with it the values at one place
 * of the x axis are shown while the pointer is over a chart or its slider is moved, and a print holds
 * what is folded away on the screen.
 */
export const SCRIPT = `
'use strict';
(() => {
  addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  const readOut = (root) => {
    const picker = root.querySelector('.picker');
    const slider = root.querySelector('input[type=range]');
    const charts = [...root.querySelectorAll('.chart')].map((chart) => {
      const hits = [...chart.querySelectorAll('rect.hit')];
      const titles = hits.map((hit) => hit.querySelector('title'));
      const texts = titles.map((title) => title.textContent);
      // The line under the chart says the same at once: no second bubble from the browser.
      for (const title of titles) title.remove();
      return {
        hits,
        texts,
        readout: chart.querySelector('.readout'),
        cursor: chart.querySelector('line.cursor'),
        markers: [...chart.querySelectorAll('.marker')],
      };
    });
    const show = (index) => {
      for (const { hits, texts, readout, cursor, markers } of charts) {
        const hit = hits[index];
        if (hit === undefined) continue;
        readout.textContent = texts[index];
        cursor.setAttribute('x1', hit.dataset.x);
        cursor.setAttribute('x2', hit.dataset.x);
        cursor.setAttribute('visibility', 'visible');
        for (const marker of markers) {
          marker.classList.toggle('at', Number(marker.dataset.index) === index);
        }
      }
      if (slider !== null) {
        slider.value = String(index + 1);
        slider.setAttribute('aria-valuetext', charts.map(({ texts }) => texts[index]).join('; '));
      }
    };
    for (const { hits } of charts) {
      hits.forEach((hit, index) => {
        hit.addEventListener('pointerenter', () => show(index));
        hit.addEventListener('pointerdown', () => show(index));
      });
    }
    if (slider === null) return;
    picker.hidden = false;
    slider.setAttribute('aria-valuetext', charts.map(({ texts }) => texts[slider.value - 1]).join('; '));
    slider.addEventListener('input', () => show(Number(slider.value) - 1));
  };
  for (const figure of document.querySelectorAll('figure.charts')) readOut(figure);
})();
`;
