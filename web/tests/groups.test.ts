import { describe, expect, it } from 'vitest';
import { bundleRows, gather, holdGroups } from '../src/state/groups';
import type { Alert, Group } from '../src/state/types';

const alert = (id: string, level = 2, onset = '2001-03-01T00:00:00Z') =>
  ({ id, level, onset, expires: '2001-03-02T00:00:00Z', status: 'Actual', event: 'Flood', sent: null, members: [{ region: id }], title_regions: [id] }) as unknown as Alert;
const group = (key: string, members: string[], level = 2) =>
  ({ key, by: 'area', status: 'Actual', hazards: ['Flood'], level, count: members.length, waiting: 0, places: members.length, titles: [], onset: '2001-03-01T00:00:00Z', expires: '', members }) as Group;

const many = Array.from({ length: 500 }, (_, i) => alert(`a${i}`, 1 + (i % 4)));
const twenty = Array.from({ length: 20 }, (_, g) => group(`g${g}`, many.filter((_, i) => i % 20 === g).map((a) => a.id), 4));

describe('five hundred warnings', () => {
  it('are twenty rows that open, and none is lost', () => {
    const found = gather(twenty, many);
    expect(found).toHaveLength(20);
    expect(found.reduce((n, g) => n + g.members.length, 0)).toBe(500);
    const closed = bundleRows(found, () => false);
    expect(closed).toHaveLength(20);
    const opened = bundleRows(found, () => true);
    const members = opened.flatMap((r) => (r.kind === 'member' ? [r.item.id] : []));
    expect(new Set(members).size).toBe(500);
    expect(opened).toHaveLength(520);
  });
  it('that no group names stand for themselves', () => {
    const found = gather([group('g', ['a', 'b'])], [alert('a'), alert('b'), alert('new', 3)]);
    expect(found.map((g) => g.members.map((a) => a.id))).toEqual([['new'], ['a', 'b']]);
    expect(found[0].waiting).toBe(1);
  });
  it('that are not shown are in no group, and a group of none is no row', () => {
    const found = gather([group('g', ['a', 'gone'], 4), group('empty', ['gone'])], [alert('a', 1)]);
    expect(found).toHaveLength(1);
    expect([found[0].level, found[0].members.length]).toEqual([1, 1]);
  });
  it('that two groups name are counted once', () => {
    const found = gather([group('one', ['a', 'b']), group('two', ['b', 'c'])], [alert('a'), alert('b'), alert('c')]);
    expect(found.reduce((n, g) => n + g.members.length, 0)).toBe(3);
  });
});

describe('rows', () => {
  it('of a group of one are its warning, of others a head with its members under it', () => {
    const found = gather([group('g', ['a', 'b']), group('s', ['c'])], [alert('a'), alert('b'), alert('c')]);
    const rows = bundleRows(found, (key) => key === 'g');
    expect(rows.map((r) => (r.kind === 'bundle' ? `${r.group.key} ${r.place}/${r.of}` : `${r.inside ? '  ' : ''}${r.item.id} ${r.place}/${r.of}`))).toEqual(['g 1/2', '  a 1/2', '  b 2/2', 'c 2/2']);
  });
  it('keep their place while somebody points at them, and new ones come last', () => {
    const before = gather([group('low', ['a', 'b'])], [alert('a'), alert('b')]);
    const next = gather([group('low', ['a', 'b']), group('high', ['c', 'd'], 4)], [alert('a'), alert('b'), alert('c', 4), alert('d', 4)]);
    expect(next.map((g) => g.key)).toEqual(['high', 'low']);
    expect(holdGroups(before, next).map((g) => g.key)).toEqual(['low', 'high']);
  });
});
