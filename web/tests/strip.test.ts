import { expect, it } from 'vitest';
import { stripLayout, territory } from '../src/map/strip';
import type { Region } from '../src/state/types';

const site = (code: string, parent: string | null, mapped: boolean): Region => ({
  id: `US-AIR-${code}`, name: code, title: code, code, level: 'site', parent, lat: 0, lon: 0, x: null, y: null, mapped,
  population: null, population_note: null, timezone: 'UTC',
});
const TITLES: Record<string, string> = { 'US-72': 'Puerto Rico', 'US-78': 'Virgin Islands' };

it('lists every unmapped site once, by territory', () => {
  const sites = [site('STX', 'US-78', false), site('SEA', 'US-53033', true), site('SJU', 'US-72127', false), site('BQN', 'US-72005', false)];
  const groups = stripLayout(sites, (id) => TITLES[id] ?? id);
  expect(groups.map((g) => [g.title, g.regions.map((r) => r.code)])).toEqual([
    ['Puerto Rico', ['BQN', 'SJU']],
    ['Virgin Islands', ['STX']],
  ]);
});

it('keeps a site whose parent is not known', () => {
  expect(territory(site('XXX', null, false))).toBe('US-AIR-XXX');
  expect(stripLayout([site('XXX', null, false)], (id) => id)).toHaveLength(1);
});
