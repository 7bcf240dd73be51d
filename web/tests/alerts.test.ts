import { describe, expect, it } from 'vitest';
import { grouped, hold, isOpen, isWaiting, order, visible } from '../src/state/alerts';
import type { Alert, AlertState } from '../src/state/types';

const alert = (id: string, level: number, state: AlertState, created: string, expires = '2001-03-01T00:00:00Z') =>
  ({ id, level, state, created_at: created, expires }) as Alert;
const T = (h: number) => `2001-02-28T${String(h).padStart(2, '0')}:00:00Z`;

describe('order', () => {
  it('is by level, then by what waits, then by age', () => {
    const list = [
      alert('old', 2, 'issued', T(1)), alert('new', 2, 'issued', T(5)), alert('waits', 2, 'submitted', T(2)), alert('worst', 4, 'issued', T(0)),
    ];
    expect(order(list).map((a) => a.id)).toEqual(['worst', 'waits', 'new', 'old']);
    expect(list[0].id).toBe('old');
  });
  it('does not jump while it is held, and puts news last in their level', () => {
    const before = order([alert('a', 2, 'issued', T(3)), alert('b', 2, 'issued', T(2))]);
    const next = [alert('c', 2, 'submitted', T(9)), alert('b', 2, 'issued', T(2)), alert('a', 2, 'issued', T(3)), alert('d', 4, 'issued', T(9))];
    expect(hold(before, next).map((a) => a.id)).toEqual(['d', 'a', 'b', 'c']);
  });
});

it('knows what is open at an instant: expiry is a matter of time, not of state', () => {
  const at = Date.parse(T(12));
  expect(isOpen(alert('x', 2, 'issued', T(1)), at)).toBe(true);
  expect(isOpen(alert('x', 2, 'issued', T(1), T(12)), at)).toBe(false);
  expect(isOpen(alert('x', 2, 'cancelled', T(1)), at)).toBe(false);
  expect((['draft', 'submitted', 'approved'] as const).every((s) => isWaiting(alert('x', 1, s, T(1))))).toBe(true);
  expect(isWaiting(alert('x', 1, 'issued', T(1)))).toBe(false);
});

it('puts a head with its count before each level', () => {
  const rows = grouped([{ level: 4 }, { level: 2 }, { level: 2 }]);
  expect(rows.map((r) => (r.kind === 'group' ? `L${r.level}×${r.count}` : `${r.place}/${r.of}`))).toEqual(['L4×1', '1/3', 'L2×2', '2/3', '3/3']);
});

describe('the rows in sight', () => {
  const heights = Array.from({ length: 500 }, (_, i) => (i % 10 === 0 ? 30 : 78));
  const total = heights.reduce((a, b) => a + b, 0);
  it('are few, cover the window, and leave the length as it is', () => {
    for (const top of [0, 1, 29, 30, 5000, total - 700]) {
      const v = visible(heights, top, 700, 3);
      const inside = heights.slice(v.first, v.last).reduce((a, b) => a + b, 0);
      expect(v.above + inside + v.below).toBe(total);
      expect(v.above).toBeLessThanOrEqual(top);
      expect(v.above + inside).toBeGreaterThanOrEqual(Math.min(total, top + 700));
      expect(v.last - v.first).toBeLessThan(25);
    }
  });
  it('are none of none', () => {
    expect(visible([], 0, 700)).toEqual({ first: 0, last: 0, above: 0, below: 0 });
  });
});
