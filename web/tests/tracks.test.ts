import { describe, expect, it } from 'vitest';
import { type Cube, isLevel } from '../src/state/cube';
import { CHUNK_STEPS, CubeStore, type Track, instantOf, stepOf, stepsOf, windowOf } from '../src/state/tracks';
import { DAY, HOUR } from '../src/time/format';

const START = Date.UTC(2001, 0, 1);
const track: Track = { kind: 'replay', start: START, end: START + 999 * HOUR, step: HOUR };

describe('steps', () => {
  it('count both ends', () => {
    expect(stepsOf(track)).toBe(1000);
    expect(stepOf(track, track.end)).toBe(999);
  });
  it('hold until the next one', () => {
    expect(stepOf(track, START + 2 * HOUR - 1)).toBe(1);
    expect(instantOf(track, 1)).toBe(START + HOUR);
  });
  it('stay inside', () => {
    expect(stepOf(track, START - DAY)).toBe(0);
    expect(instantOf(track, 5000)).toBe(track.end);
    expect(instantOf(track, -3)).toBe(START);
  });
});

describe('windows', () => {
  it('are the whole track, or a page that holds the instant', () => {
    expect(windowOf(track, START, null)).toEqual({ first: 0, last: 999 });
    for (const hour of [0, 23, 24, 500, 999]) {
      const w = windowOf(track, START + hour * HOUR, 24 * HOUR);
      expect(w.first).toBeLessThanOrEqual(hour);
      expect(w.last).toBeGreaterThanOrEqual(hour);
      expect(w.last - w.first).toBe(24);
    }
  });
});

/** Where the last piece begins, and levels that change at known hours, also exactly where two pieces meet. */
const LAST = Math.floor(999 / CHUNK_STEPS) * CHUNK_STEPS;
const CHANGES = [10, 20, CHUNK_STEPS, CHUNK_STEPS + 5, 2 * CHUNK_STEPS, 900];
const levelAt = (step: number) => CHANGES.filter((c) => c <= step).length % 5;

function store(keep = 16) {
  const asked: string[] = [];
  const fetcher = (start: number, end: number): Promise<Cube> => {
    asked.push(`${(start - START) / HOUR}–${(end - START) / HOUR}`);
    const steps = (end - start) / HOUR;
    const levels = Uint8Array.from({ length: steps }, (_, s) => levelAt((start - START) / HOUR + s));
    return Promise.resolve({ start, step: HOUR, steps, regions: ['A'], domains: ['d'], levels });
  };
  return { asked, store: new CubeStore(track, fetcher, keep) };
}

describe('pieces of the cube', () => {
  it('are read once, however often they are asked for', async () => {
    const { asked, store: s } = store();
    expect(s.at(START)).toBeNull();
    await Promise.all([s.load(START), s.load(START + HOUR), s.load(START + 100 * HOUR)]);
    await s.load(START);
    expect(asked).toEqual([`0–${CHUNK_STEPS}`]);
    expect(s.at(START + 15 * HOUR)).toMatchObject({ step: 15 });
  });
  it('end with the track', async () => {
    const { asked, store: s } = store();
    await s.load(track.end);
    expect(asked).toEqual([`${LAST}–1000`]);
    expect(s.at(track.end)?.step).toBe(999 - LAST);
  });
  it('are asked for again after a failure', async () => {
    let calls = 0;
    const s = new CubeStore(track, (start, end) => {
      calls += 1;
      if (calls === 1) return Promise.reject(new Error('down'));
      return Promise.resolve({ start, step: HOUR, steps: (end - start) / HOUR, regions: [], domains: [], levels: new Uint8Array() });
    });
    await expect(s.load(START)).rejects.toThrow('down');
    await s.load(START);
    expect(calls).toBe(2);
  });
  it('forget the one unused longest', async () => {
    const { asked, store: s } = store(2);
    await s.load(START);
    await s.load(START + CHUNK_STEPS * HOUR);
    await s.load(START);
    await s.load(track.end);
    expect(s.at(START)).not.toBeNull();
    expect(s.at(START + CHUNK_STEPS * HOUR)).toBeNull();
    expect(asked).toHaveLength(3);
  });
});

describe('going to the next change', () => {
  it('visits every change in both directions, seams included', async () => {
    const { store: s } = store();
    const there: number[] = [];
    for (let at: number | null = START; (at = await s.change(at, 1, null)) !== null; ) there.push((at - START) / HOUR);
    const visible = CHANGES.filter((c) => isLevel(levelAt(c)) || isLevel(levelAt(c - 1)));
    expect(there).toEqual(visible);
    const back: number[] = [];
    for (let at: number | null = track.end; (at = await s.change(at, -1, null)) !== null; ) back.push((at - START) / HOUR);
    expect(back).toEqual([...visible].reverse());
  });
});
