import { parse } from 'svelte/compiler';
import { afterEach, describe, expect, it } from 'vitest';
import { fill, has, pseudo, setLanguage, t } from '../src/i18n';
import en from '../src/i18n/en.json';

const sources = Object.entries(
  import.meta.glob<string>('../src/**/*.{svelte,ts}', { query: '?raw', import: 'default', eager: true }),
).map(([path, text]) => [path.replace('../src/', ''), text] as [string, string]);
const keys = Object.keys(en);

afterEach(() => void setLanguage(null));

/** Keys that are put together from data: a prefix, and sometimes an end. */
const BUILT = /t\(`([a-z.]+)\$\{[^}]+\}([a-z.]*)`/g;

describe('the catalogue', () => {
  const used = new Set<string>();
  const patterns: RegExp[] = [];
  for (const [, text] of sources) {
    for (const m of text.matchAll(/'([a-z]+\.[\w.]+|[a-z]{2,})'/gi)) used.add(m[1]);
    for (const m of text.matchAll(BUILT)) patterns.push(new RegExp(`^${m[1]}[\\w]+${m[2]}$`));
  }
  it('has every key that is asked for', () => {
    const missing: string[] = [];
    for (const [file, text] of sources) {
      for (const m of text.matchAll(/\bt\(\s*'([^']+)'/g)) if (!keys.includes(m[1])) missing.push(`${file}: ${m[1]}`);
    }
    expect(sources.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });
  it('has something for every key that is put together', () => {
    expect(patterns.length).toBeGreaterThan(5);
    for (const p of patterns) expect(keys.some((k) => p.test(k)), String(p)).toBe(true);
  });
  it('has no key that nothing asks for', () => {
    const idle = keys.filter((k) => !used.has(k) && !patterns.some((p) => p.test(k)));
    expect(idle).toEqual([]);
  });
});

describe('components', () => {
  const components = sources.filter(([f]) => f.endsWith('.svelte'));
  it.each(components)('%s has no words of its own', (_, text) => {
    const found: string[] = [];
    const spoken = new Set(['aria-label', 'title', 'placeholder', 'alt']);
    const walk = (node: unknown): void => {
      if (Array.isArray(node)) return node.forEach(walk);
      if (!node || typeof node !== 'object') return;
      const n = node as Record<string, unknown>;
      if (n.type === 'StyleDirective') return;
      if (n.type === 'Attribute') {
        const value = n.value;
        if (spoken.has(n.name as string) && Array.isArray(value)) {
          for (const part of value) if (part.type === 'Text' && /\p{L}{2}/u.test(part.data)) found.push(`${n.name}=${part.data}`);
        }
        return;
      }
      if (n.type === 'Text' && /\p{L}{2}/u.test(n.data as string)) found.push(n.data as string);
      for (const [k, v] of Object.entries(n)) if (k !== 'instance' && k !== 'module' && k !== 'css') walk(v);
    };
    walk(parse(text, { modern: true }).fragment);
    expect(found).toEqual([]);
  });
});

describe('filling', () => {
  it('puts values in their places', () => {
    expect(fill('{a} of {b}', { a: 3, b: 'four' })).toBe('3 of four');
    expect(fill('{n, plural, one {# region} other {# regions}} here', { n: 1 })).toBe('1 region here');
    expect(fill('{n, plural, one {# region} other {# regions}} here', { n: 12 })).toBe('12 regions here');
  });
  it('shows what was not given, and the key of what is not there', () => {
    expect(fill('at {at}', {})).toBe('at {at}');
    expect(t('no.such.key')).toBe('no.such.key');
    expect(has('no.such.key')).toBe(false);
  });
});

describe('the pseudo-locale', () => {
  it('makes every text longer by two fifths, and keeps its places', () => {
    for (const [key, text] of Object.entries(en)) {
      const wide = pseudo(text);
      const places = (s: string) => [...s.matchAll(/\{(\w+)[,}]/g)].map((m) => m[1]);
      expect(places(wide), key).toEqual(places(text));
      expect(wide.length, key).toBeGreaterThan(text.replace(/\{[^{}]*\}/g, '').length * 1.3);
    }
  });
  it('still counts', () => {
    expect(setLanguage('pseudo')).toBe('pseudo');
    expect(t('list.waits', { n: 1 })).toMatch(/^\[1 wáítš/);
    expect(t('list.waits', { n: 3 })).toMatch(/^\[3 wáít/);
  });
  it('falls back to English for a language that there is no catalogue for', () => {
    expect(setLanguage('tlh')).toBe('en');
    expect(t('login')).toBe('Log in');
  });
});
