/** Ordering and grouping of warnings; plain functions so that they can be tested without a page. */

import type { Alert } from './types';

const OPEN = new Set(['draft', 'submitted', 'approved', 'issued']);

/** Whether a warning still stands or still waits at an instant. */
export function isOpen(alert: Alert, at: number): boolean {
  return OPEN.has(alert.state) && Date.parse(alert.expires) > at;
}

/** Whether somebody has to do something: it waits for a decision. */
export function isWaiting(alert: Alert): boolean {
  return alert.state === 'draft' || alert.state === 'submitted' || alert.state === 'approved';
}

/** Highest level first; inside a level what waits for a decision first, then the newest. */
export function order(alerts: readonly Alert[]): Alert[] {
  const rank = (a: Alert) => (isWaiting(a) ? 0 : 1);
  return [...alerts].sort(
    (a, b) =>
      b.level - a.level ||
      rank(a) - rank(b) ||
      (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0) ||
      a.id.localeCompare(b.id),
  );
}

/** While somebody points at the list nothing may jump: old rows keep their place, new ones come last in their level. */
export function hold(before: readonly Alert[], next: readonly Alert[]): Alert[] {
  const place = new Map(before.map((a, i) => [a.id, i]));
  return [...next].sort(
    (a, b) =>
      b.level - a.level ||
      (place.get(a.id) ?? Number.MAX_SAFE_INTEGER) - (place.get(b.id) ?? Number.MAX_SAFE_INTEGER),
  );
}

export type Row<T> = { kind: 'group'; level: number; count: number } | { kind: 'item'; item: T; place: number; of: number };

/** Rows of a list grouped by level. */
export function grouped<T extends { level: number }>(items: readonly T[]): Row<T>[] {
  const counts = new Map<number, number>();
  for (const item of items) counts.set(item.level, (counts.get(item.level) ?? 0) + 1);
  const rows: Row<T>[] = [];
  let level = -1;
  items.forEach((item, i) => {
    if (item.level !== level) {
      level = item.level;
      rows.push({ kind: 'group', level, count: counts.get(level)! });
    }
    rows.push({ kind: 'item', item, place: i + 1, of: items.length });
  });
  return rows;
}

/** The slice of rows that a window shows, with the room above and below. */
export function visible(
  heights: readonly number[], top: number, room: number, extra = 4,
): { first: number; last: number; above: number; below: number } {
  let at = 0;
  let first = 0;
  while (first < heights.length && at + heights[first] <= top) at += heights[first++];
  let last = first;
  let end = at;
  while (last < heights.length && end < top + room) end += heights[last++];
  for (let i = 0; i < extra && first > 0; i++) at -= heights[--first];
  for (let i = 0; i < extra && last < heights.length; i++) end += heights[last++];
  let below = 0;
  for (let i = last; i < heights.length; i++) below += heights[i];
  return { first, last, above: at, below };
}
