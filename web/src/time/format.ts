/** Times and lengths of time as people read them; always with their zone. */

import { t } from '../i18n';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatter(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  let format = formats.get(key);
  if (!format) {
    // One numbering system everywhere: mixed digits in one line are a known trap.
    format = new Intl.DateTimeFormat('en-GB', { numberingSystem: 'latn', hourCycle: 'h23', ...options });
    formats.set(key, format);
  }
  return format;
}

/** A zone that this browser knows, else UTC. */
export function knownZone(zone: string | null | undefined): string {
  if (!zone) return 'UTC';
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone;
  } catch {
    return 'UTC';
  }
}

/** `Wed 28 Feb 2001`. */
export function day(ms: number, zone = 'UTC'): string {
  const parts = formatter(`day ${zone}`, {
    timeZone: zone,
    weekday: 'short',
    day: '2-digit',
    month: 'short',
    year: 'numeric',
  }).formatToParts(ms);
  const get = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${get('weekday')} ${get('day')} ${get('month')} ${get('year')}`;
}

/** `19:00`, with seconds on request. */
export function clock(ms: number, zone = 'UTC', seconds = false): string {
  return formatter(`clock ${zone} ${seconds}`, {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
  }).format(ms);
}

/** Short name of a zone at an instant, `PST`. */
export function zoneName(ms: number, zone: string): string {
  if (zone === 'UTC') return 'UTC';
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'short' }).formatToParts(ms);
  return parts.find((p) => p.type === 'timeZoneName')?.value ?? zone;
}

/** `28 Feb 19:00 UTC`. */
export function stamp(ms: number, zone = 'UTC'): string {
  const date = formatter(`stamp ${zone}`, { timeZone: zone, day: '2-digit', month: 'short' }).format(ms);
  return `${date} ${clock(ms, zone)} ${zoneName(ms, zone)}`;
}

/** `28 Feb 2001 19:00 UTC`. */
export function fullStamp(ms: number, zone = 'UTC'): string {
  const date = formatter(`full ${zone}`, { timeZone: zone, day: '2-digit', month: 'short', year: 'numeric' }).format(ms);
  return `${date} ${clock(ms, zone)} ${zoneName(ms, zone)}`;
}

/** A length of time in the largest unit that says enough: `45 s`, `12 min`, `3 h`, `2 d`. */
export function age(ms: number): string {
  const s = Math.max(0, ms) / SECOND;
  if (s < 90) return t('age.s', { n: Math.round(s) });
  if (s < 90 * 60) return t('age.min', { n: Math.round(s / 60) });
  if (s < 48 * 3600) return t('age.h', { n: Math.round(s / 3600) });
  return t('age.d', { n: Math.round(s / 86400) });
}

/** A number as short as it can be without lying: 1 284, 41.2, 0.031, 3e-7. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(1).replace('.0e', 'e');
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return new Intl.NumberFormat('en', { maximumFractionDigits: digits, numberingSystem: 'latn' }).format(value);
}
