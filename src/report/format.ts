/** Numbers and times as a reader wants them. */

const NOT_A_NUMBER = 'n/a';
const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const day = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'short',
  timeZone: 'UTC',
});

/** 15000 -> "15,000". */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? grouped.format(value) : NOT_A_NUMBER;
}

/** 0.97634 -> "0.9763". */
export function formatDecimal(value: number, digits = 4): string {
  return Number.isFinite(value) ? value.toFixed(digits) : NOT_A_NUMBER;
}

/**
 * 0.97634 -> "97.6%". Never "0.0%" for what did occur nor "100.0%" for what did not always occur:
 * those are "<0.1%" and ">99.9%".
 */
export function formatPercent(share: number, digits = 1): string {
  if (!Number.isFinite(share)) return NOT_A_NUMBER;
  const step = 10 ** -digits;
  const text = (share * 100).toFixed(digits);
  if (share > 0 && Number(text) === 0) return `<${step.toFixed(digits)}%`;
  if (share < 1 && Number(text) === 100) return `>${(100 - step).toFixed(digits)}%`;
  return `${text}%`;
}

/** 0.001 -> "0.001", 0.00003125 -> "3.125e-5": a learning rate, short and without loss. */
export function formatRate(value: number): string {
  if (!Number.isFinite(value)) return NOT_A_NUMBER;
  const short = Number(value.toPrecision(4));
  return short !== 0 && Math.abs(short) < 1e-4 ? short.toExponential() : String(short);
}

/** 0.84 -> "0.84 s", 83 -> "1 min 23 s", 7384 -> "2 h 3 min". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return NOT_A_NUMBER;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 16e9 -> "14.9 GiB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NOT_A_NUMBER;
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** ISO 8601 -> "23 November 2025 at 04:10 UTC"; what is no date stays as it is. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : `${day.format(time)} UTC`;
}

/** "1 tile", "2 tiles". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
