import { describe, expect, it } from 'vitest';
import { formatLink, isoOf, parseLink } from '../src/state/link';

describe('deep links', () => {
  it('come back as they went', () => {
    const links = [
      { t: Date.parse('2001-02-28T18:54:00Z'), region: 'US-53033', warning: null, domain: null, lang: null },
      { t: 'live' as const, region: null, warning: 'urn:tocsin:us:a/b&c=d#e', domain: 'air_transport', lang: 'pseudo' },
      { t: null, region: 'US-AIR-SEA', warning: null, domain: null, lang: null },
      { t: null, region: null, warning: null, domain: null, lang: null },
    ];
    for (const link of links) expect(parseLink(formatLink(link))).toEqual(link);
  });
  it('can be read by a person', () => {
    expect(formatLink({ t: Date.UTC(2001, 1, 28, 19), region: 'US-53033', warning: null, domain: null, lang: null })).toBe(
      '#t=2001-02-28T19:00:00Z&r=US-53033',
    );
  });
  it('take an offset, and no time without a zone', () => {
    expect(parseLink('#t=2001-02-28T10:54:00-08:00').t).toBe(Date.parse('2001-02-28T18:54:00Z'));
    expect(parseLink('#t=2001-02-28T10:54:00').t).toBeNull();
    expect(parseLink('#t=yesterday&r=').t).toBeNull();
    expect(parseLink('#t=2001-13-40T99:00:00Z').t).toBeNull();
  });
});

it('writes instants as the API does', () => {
  expect(isoOf(Date.UTC(2001, 1, 28, 18, 54))).toBe('2001-02-28T18:54:00Z');
});
