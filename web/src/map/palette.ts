/**
 * Colours of the two themes, and the arithmetic that keeps them honest.
 *
 * A colour is never alone: every level also has a hatch, a glyph and a word. In both themes the contrast of fill against
 * land rises with the level, and the fill or its outline stands out of the land by at least 3 to 1.
 */

export type ThemeName = 'light' | 'dark';
export type Glyph = 'triangle-open' | 'triangle' | 'diamond' | 'square';
export type Hatch = 'none' | 'diagonal' | 'cross' | 'dots';

export interface Theme {
  /** Around the country. */
  sea: string;
  /** Land that nothing watches, and land that is watched and normal. */
  land: string;
  watched: string;
  county: string;
  state: string;
  /** Lines of the hatch that says *unknown*. */
  unknown: string;
  /** Around abnormal regions. */
  outline: string;
  /** Fills of levels 1 to 4. */
  levels: readonly [string, string, string, string];
  /** Hatch lines on those fills. */
  hatch: readonly [string, string, string, string];
  site: string;
  select: string;
  text: string;
  halo: string;
}

export const GLYPHS: readonly Glyph[] = ['triangle-open', 'triangle', 'diamond', 'square'];
export const HATCHES: readonly Hatch[] = ['none', 'diagonal', 'cross', 'dots'];

export const THEMES: Readonly<Record<ThemeName, Theme>> = {
  light: {
    sea: '#e9ebed',
    land: '#d2d6da',
    watched: '#dde0e3',
    county: '#c3c8cd',
    state: '#a3aab1',
    unknown: '#9aa1a8',
    outline: '#22282d',
    levels: ['#f2d024', '#e8862a', '#c0392b', '#4a1a5e'],
    hatch: ['#22282d', '#6b3200', '#f3c9c2', '#d8b9e6'],
    site: '#6a737b',
    select: '#0b5cad',
    text: '#1c2125',
    halo: '#f4f5f6',
  },
  dark: {
    sea: '#16191c',
    land: '#23272b',
    watched: '#2d3237',
    county: '#3a4147',
    state: '#59626a',
    unknown: '#626b73',
    outline: '#0c0e10',
    levels: ['#917922', '#d5841c', '#fb766c', '#dbb2ff'],
    hatch: ['#0c0e10', '#4a2400', '#6e160c', '#4a1a5e'],
    site: '#98a1a9',
    select: '#7db8f5',
    text: '#eceff1',
    halo: '#14171a',
  },
};

function channels(colour: string): [number, number, number] {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (!match) throw new RangeError(`colour: got ${colour}, allowed: #rrggbb`);
  return [parseInt(match[1], 16), parseInt(match[2], 16), parseInt(match[3], 16)];
}

/** Linear-light red, green and blue, 0 to 1. */
export function linear(colour: string): [number, number, number] {
  return channels(colour).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
}

/** Relative luminance as WCAG defines it. */
export function luminance(colour: string): number {
  const [r, g, b] = linear(colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast of two colours, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

/** How much a level's fill stands out of the land, the smaller of the two kinds of land. */
export function salience(theme: Theme, level: number): number {
  const fill = theme.levels[level - 1];
  return Math.min(contrast(fill, theme.land), contrast(fill, theme.watched));
}

/** Make the same values known to the style sheet; through the object model, as the policy allows no inline style. */
export function publish(theme: Theme, style: CSSStyleDeclaration): void {
  theme.levels.forEach((colour, i) => style.setProperty(`--level-${i + 1}`, colour));
  theme.hatch.forEach((colour, i) => style.setProperty(`--hatch-${i + 1}`, colour));
  style.setProperty('--outline', theme.outline);
  style.setProperty('--land', theme.land);
  style.setProperty('--watched', theme.watched);
  style.setProperty('--sea', theme.sea);
  style.setProperty('--select', theme.select);
}
