import { beforeEach, expect, it } from 'vitest';
import { type Timers, pace } from '../src/state/pace';

let now = 0;
let queue: { id: number; at: number; act: () => void }[] = [];
let next = 1;
const timers: Timers = {
  set: (act, ms) => (queue.push({ id: next, at: now + ms, act }), next++),
  clear: (id) => void (queue = queue.filter((q) => q.id !== id)),
  now: () => now,
};
function run(until: number) {
  for (;;) {
    const due = queue.filter((q) => q.at <= until).sort((a, b) => a.at - b.at)[0];
    if (!due) break;
    queue = queue.filter((q) => q !== due);
    now = Math.max(now, due.at);
    due.act();
  }
  now = until;
}
beforeEach(() => {
  now = 0;
  queue = [];
});

it('makes one of many', () => {
  const at: number[] = [];
  const p = pace(() => at.push(now), 100, 1000, timers);
  for (let i = 0; i < 5; i++) p.call();
  run(5000);
  expect(at).toEqual([100]);
});

it('does not starve under an endless stream, and keeps its distance', () => {
  const at: number[] = [];
  const p = pace(() => at.push(now), 100, 1000, timers);
  for (let ms = 0; ms <= 10_000; ms += 20) {
    run(ms);
    p.call();
  }
  run(20_000);
  expect(at.length).toBeGreaterThanOrEqual(9);
  expect(at.length).toBeLessThanOrEqual(12);
  at.slice(1).forEach((ms, i) => expect(ms - at[i]).toBeGreaterThanOrEqual(1000));
  // The very last call is answered too.
  expect(at.at(-1)).toBeGreaterThan(10_000);
});

it('can be stopped', () => {
  let n = 0;
  const p = pace(() => (n += 1), 100, 1000, timers);
  p.call();
  p.stop();
  run(5000);
  expect(n).toBe(0);
});
