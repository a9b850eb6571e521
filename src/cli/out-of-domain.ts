/** How many tiles are unlike those of training, for people. */
import { formatCount } from './progress-meter.js';

/**
 * @param outside by what is unlike; null where the model cannot tell
 * @param what is counted: "images"
 * @returns a line, where there are any
 */
export function outOfDomainLines(
  outside: Readonly<Record<string, number>> | null,
  what: string,
): string[] {
  const reasons = Object.entries(outside ?? {}).filter(([, n]) => n > 0);
  if (reasons.length === 0) return [];
  const all = formatCount(reasons.reduce((sum, [, n]) => sum + n, 0));
  const shown = reasons.map(([reason, n]) => `${reason} ${formatCount(n)}`).join(', ');
  return [`${all} ${what} are unlike the training tiles (${shown}): see in_domain`];
}
