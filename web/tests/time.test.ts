import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, age, clock, day, fullStamp, knownZone, short, stamp, zoneName } from '../src/time/format';
import { ticks } from '../src/time/ticks';

const NISQUALLY = Date.UTC(2001, 1, 28, 18, 54);

describe('instants', () => {
  it('are told with their zone', () => {
    expect(day(NISQUALLY)).toBe('Wed 28 Feb 2001');
    expect(clock(NISQUALLY)).toBe('18:54');
    expect(clock(NISQUALLY, 'America/Los_Angeles')).toBe('10:54');
    expect(zoneName(NISQUALLY, 'America/Los_Angeles')).toBe('PST');
    expect(stamp(NISQUALLY)).toBe('28 Feb 18:54 UTC');
    expect(fullStamp(NISQUALLY)).toBe('28 Feb 2001 18:54 UTC');
  });
  it('keep midnight at 00:00', () => {
    expect(clock(Date.UTC(2001, 2, 1))).toBe('00:00');
  });
  it('follow daylight saving', () => {
    expect(clock(Date.UTC(2001, 3, 1, 9, 59), 'America/Los_Angeles')).toBe('01:59');
    expect(clock(Date.UTC(2001, 3, 1, 10), 'America/Los_Angeles')).toBe('03:00');
  });
  it('fall back to UTC for a zone that does not exist', () => {
    expect(knownZone('Mars/Olympus')).toBe('UTC');
    expect(knownZone(null)).toBe('UTC');
    expect(knownZone('America/Denver')).toBe('America/Denver');
  });
});

it('tells ages in one unit', () => {
  expect([0, 45_000, 12 * MINUTE, 3 * HOUR, 9 * DAY, -5000].map(age)).toEqual(['0 s', '45 s', '12 min', '3 h', '9 d', '0 s']);
});

it('tells numbers shortly without lying', () => {
  expect([0, 3, 0.87, 41.25, 1284.4, 3e-7, 0.031, -2.5].map(short)).toEqual(['0', '3', '0.87', '41.3', '1,284', '3e-7', '0.03', '-2.5']);
});

describe('the time axis', () => {
  it('marks months over half a year', () => {
    const labels = ticks(Date.UTC(2001, 0, 1), Date.UTC(2001, 5, 30)).map((k) => k.label);
    expect(labels).toEqual(['Jan 2001', 'Feb', 'Mar', 'Apr', 'May', 'Jun']);
  });
  it('never has many more marks than there is room for, and all lie inside', () => {
    for (const span of [HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 28 * DAY, 180 * DAY, 4000 * DAY]) {
      for (const room of [3, 6, 14]) {
        const start = Date.UTC(2001, 0, 17, 5);
        const marks = ticks(start, start + span, room);
        expect(marks.length).toBeLessThanOrEqual(room + 2);
        expect(marks.every((k) => k.at >= start && k.at <= start + span)).toBe(true);
      }
    }
  });
  it('is empty where there is no time', () => {
    expect(ticks(5, 5)).toEqual([]);
  });
});
