/** Marks of the time axis: months over half a year, days over a fortnight, hours over a day. */

import { DAY, HOUR } from './format';

export interface Tick {
  at: number;
  label: string;
  major: boolean;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Ticks of `[start, end]` in UTC, no more than about `room` of them. */
export function ticks(start: number, end: number, room = 14): Tick[] {
  const span = end - start;
  const out: Tick[] = [];
  if (span <= 0) return out;
  if (span > 70 * DAY) {
    const first = new Date(start);
    const wanted = Math.max(1, Math.ceil(span / (30 * DAY) / room));
    const every = wanted > 6 ? Math.ceil(wanted / 12) * 12 : [1, 2, 3, 6].find((m) => m >= wanted)!;
    for (let m = first.getUTCMonth(), y = first.getUTCFullYear(); ; m += 1) {
      const at = Date.UTC(y, m, 1);
      if (at > end) break;
      const date = new Date(at);
      if (at < start || (date.getUTCFullYear() * 12 + date.getUTCMonth()) % every !== 0) continue;
      const january = date.getUTCMonth() === 0;
      out.push({ at, label: january ? `Jan ${date.getUTCFullYear()}` : MONTHS[date.getUTCMonth()], major: january });
    }
    return out;
  }
  const steps = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
  const step = steps.find((s) => span / s <= room) ?? Math.ceil(span / room / DAY) * DAY;
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) {
    const date = new Date(at);
    const midnight = at % DAY === 0;
    const label = midnight
      ? `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`
      : `${String(date.getUTCHours()).padStart(2, '0')}:00`;
    out.push({ at, label, major: midnight && date.getUTCDate() === 1 });
  }
  return out;
}
