import { describe, expect, it } from 'vitest';
import {
  UNCOVERED, UNKNOWN, changeFrom, decodeCube, domainsOf, levelsAt, stepAt, worse, worstWithin,
} from '../src/state/cube';
import type { CubeBody } from '../src/state/types';

const START = '2001-02-28T00:00:00Z';
const bytes = (...values: number[]) => btoa(String.fromCharCode(...values));

/** Two domains, three steps, two regions. */
const BODY: CubeBody = {
  start: START, step_s: 3600, steps: 3, regions: ['US-A', 'US-B'], domains: ['air', 'quake'],
  levels: bytes(0, 254, 0, 254, 3, 255, /* quake */ 255, 0, 2, 0, 1, 255),
};

describe('decoding', () => {
  it('puts domain before step before region', () => {
    const cube = decodeCube(BODY);
    expect([...levelsAt(cube, 2, 'air')]).toEqual([3, 255]);
    expect([...levelsAt(cube, 1, 'quake')]).toEqual([2, 0]);
    expect(cube.step).toBe(3_600_000);
  });
  it('refuses a body whose size does not fit', () => {
    expect(() => decodeCube({ ...BODY, steps: 4 })).toThrow(/got 12 bytes.*= 16/);
  });
  it('refuses a byte that means nothing', () => {
    expect(() => decodeCube({ ...BODY, levels: bytes(0, 254, 0, 254, 3, 255, 255, 0, 7, 0, 1, 255) })).toThrow(/byte 7 at 8/);
  });
  it('refuses a start that is no instant', () => {
    expect(() => decodeCube({ ...BODY, start: 'soon' })).toThrow(/start soon/);
  });
});

describe('all domains together', () => {
  const table: [number, number, number][] = [
    [0, 0, 0], [1, 4, 4], [0, 2, 2], [UNKNOWN, 1, 1], [UNKNOWN, 0, UNKNOWN],
    [UNCOVERED, 0, 0], [UNCOVERED, UNKNOWN, UNKNOWN], [UNCOVERED, UNCOVERED, UNCOVERED],
  ];
  it.each(table)('%i with %i is %i, whichever comes first', (a, b, expected) => {
    expect(worse(a, b)).toBe(expected);
    expect(worse(b, a)).toBe(expected);
  });
  it('never lets unknown look calm', () => {
    const cube = decodeCube(BODY);
    expect([...levelsAt(cube, 0, null)]).toEqual([0, UNKNOWN]);
    expect([...levelsAt(cube, 1, null)]).toEqual([2, UNKNOWN]);
    expect([...levelsAt(cube, 2, null)]).toEqual([3, UNCOVERED]);
  });
  it('shows a domain that is not in the cube as not covered', () => {
    expect([...levelsAt(decodeCube(BODY), 0, 'flood')]).toEqual([UNCOVERED, UNCOVERED]);
  });
});

it('finds the step that holds at an instant', () => {
  const cube = decodeCube(BODY);
  const at = (text: string) => stepAt(cube, Date.parse(text));
  expect(at('2001-02-28T00:00:00Z')).toBe(0);
  expect(at('2001-02-28T01:59:59Z')).toBe(1);
  expect(at('2001-02-27T23:59:59Z')).toBe(-1);
  expect(at('2001-02-28T03:00:00Z')).toBe(-1);
  expect(() => levelsAt(cube, 3, null)).toThrow(/allowed: 0 to 2/);
});

it('gives the domains of one region, also of one it does not hold', () => {
  const cube = decodeCube(BODY);
  expect([...domainsOf(cube, 2, 'US-A')]).toEqual([['air', 3], ['quake', 1]]);
  expect([...domainsOf(cube, 2, 'US-Z').values()]).toEqual([UNCOVERED, UNCOVERED]);
  expect(worstWithin(cube, 1, 'quake', (r) => r !== 'US-A')).toBe(0);
  expect(worstWithin(cube, 1, 'flood', () => true)).toBe(UNCOVERED);
});

describe('changes', () => {
  it('stops where a level comes or goes, in either direction', () => {
    const cube = decodeCube(BODY);
    expect(changeFrom(cube, 0, 1, null)).toBe(1);
    expect(changeFrom(cube, 1, 1, null)).toBe(2);
    expect(changeFrom(cube, 2, 1, null)).toBe(-1);
    expect(changeFrom(cube, 2, -1, null)).toBe(1);
    expect(changeFrom(cube, 0, 1, 'air')).toBe(2);
  });
  it('does not stop where only the coverage changes', () => {
    const quiet = decodeCube({ ...BODY, levels: bytes(0, 254, 0, 255, 0, 0, 255, 0, 254, 0, 0, 255) });
    expect(changeFrom(quiet, 0, 1, null)).toBe(-1);
  });
});
