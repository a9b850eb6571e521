/** Judged tiles that are unlike those of training. */
import { outsideOf, type DomainScores } from '../../evaluation/domain-scores.js';
import type { ReportCommon } from '../data.js';
import { isTraining, scrollable, type Section } from '../components.js';
import { formatCount, formatDecimal, formatPercent, plural } from '../format.js';
import { html, name, type Html } from '../html.js';

const MEANING = {
  blank: 'hardly anything varies on the tile',
  colour: 'its colours, and how they go together',
  content: 'what the network sees at mixed7',
} as const;

export function domainSection(data: ReportCommon): Section | undefined {
  const { domain } = data;
  if (domain === undefined) return undefined;
  const { fitted, tiles, accuracyInside, accuracyOutside } = domain;
  const outside = outsideOf(domain);
  const right = (share: number | null): string => (share === null ? 'n/a' : formatPercent(share));
  return {
    id: 'domain',
    title: 'Tiles unlike those of training',
    body: html`<p>
        Of ${plural(tiles, isTraining(data) ? 'validation tile' : 'tile')}
        <strong>${formatCount(outside)} (${formatPercent(outside / tiles, 2)})</strong> are unlike
        the tiles that the model was trained on. It names a class for them all the same:
        ${right(accuracyOutside)} of them are right, of the others ${right(accuracyInside)}.
        <code>predict</code> says so in the columns <code>in_domain</code>,
        <code>domain_score</code> and <code>domain_reason</code>.
      </p>
      ${scrollable('Tiles unlike those of training', reasons(domain))}
      <p>
        A tile is compared with ${plural(fitted.tiles, 'training tile')}: by nine statistics of its
        colours and by the mean of mixed7, as Mahalanobis distances. At the threshold the score is
        1; here the median is ${formatDecimal(domain.medianScore, 2)}, the largest
        ${formatDecimal(domain.largestScore, 2)}. The thresholds were set so that of
        ${plural(fitted.validationTiles, 'tile')} held out in
        training${isTraining(data) && ', the ones of this page,'} ${formatCount(fitted.rejected)}
        are outside. What is inside need not be of the same tissue.
      </p>
      ${perClass(data, domain)}`,
  };
}

function reasons({ outside, tiles }: DomainScores): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">What is unlike</th>
        <th scope="col"></th>
        <th scope="col" class="number">Tiles</th>
        <th scope="col" class="number">Share</th>
      </tr>
    </thead>
    <tbody>
      ${(Object.keys(MEANING) as (keyof typeof MEANING)[]).map(
        (reason) =>
          html`<tr>
            <th scope="row"><code>${reason}</code></th>
            <td>${MEANING[reason]}</td>
            <td class="number">${formatCount(outside[reason])}</td>
            <td class="number">${formatPercent(outside[reason] / tiles, 2)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** Only the classes that have such tiles. */
function perClass({ classes }: ReportCommon, { outsidePerClass }: DomainScores): Html | false {
  const some = classes.flatMap((label, c) => {
    const count = outsidePerClass[c] ?? 0;
    return count === 0 ? [] : [html`${name(label)} ${formatCount(count)}`];
  });
  return some.length > 0 && html`<p>By class: ${some.map((part, i) => [i > 0 && ', ', part])}.</p>`;
}
