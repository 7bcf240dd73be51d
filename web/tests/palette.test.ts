import { describe, expect, it } from 'vitest';
import { GLYPHS, HATCHES, THEMES, type Theme, contrast, linear, publish, salience } from '../src/map/palette';

/** Machado, Oliveira and Fernandes (2009), severity 1: how the three dichromacies see linear light. */
const SIGHT = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
} as const;

function lab(rgb: readonly number[]): [number, number, number] {
  const [r, g, b] = rgb.map((c) => Math.min(1, Math.max(0, c)));
  const x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047;
  const y = 0.2126729 * r + 0.7151522 * g + 0.072175 * b;
  const z = (0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883;
  const f = (v: number) => (v > 216 / 24389 ? Math.cbrt(v) : (v * (24389 / 27) + 16) / 116);
  return [116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))];
}

function nearest(theme: Theme, sight: keyof typeof SIGHT): number {
  const seen = theme.levels.map((colour) => {
    const light = linear(colour);
    return lab(SIGHT[sight].map((row) => row[0] * light[0] + row[1] * light[1] + row[2] * light[2]));
  });
  let least = Infinity;
  for (let i = 0; i < 4; i++)
    for (let j = i + 1; j < 4; j++)
      least = Math.min(least, Math.hypot(...seen[i].map((v, k) => v - seen[j][k])));
  return least;
}

describe('contrast', () => {
  it('is what WCAG says at its ends', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
    expect(contrast('#777777', '#777777')).toBeCloseTo(1, 9);
    expect(contrast('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
  });
  it('sees the pitfall that a fixed palette falls into: the worst level in the dark', () => {
    expect(contrast('#4a1a5e', '#3a4046')).toBeLessThan(1.3);
  });
  it('refuses what is no colour', () => {
    expect(() => contrast('purple', '#ffffff')).toThrow(/allowed: #rrggbb/);
  });
});

/** In the dark red has to be lighter than orange for the level to stand out more, which leaves less room between hues. */
const APART = { light: 18, dark: 13 };

describe.each(Object.entries(THEMES) as ['light' | 'dark', Theme][])('theme %s', (name, theme) => {
  it.each([1, 2, 3, 4])('level %i stands out of both kinds of land, by its fill or its outline', (level) => {
    for (const land of [theme.land, theme.watched]) {
      const best = Math.max(contrast(theme.levels[level - 1], land), contrast(theme.outline, land));
      expect(best).toBeGreaterThanOrEqual(3);
    }
  });
  it('grows in salience with the level, strictly', () => {
    const seen = [1, 2, 3, 4].map((level) => salience(theme, level));
    for (let i = 1; i < 4; i++) expect(seen[i]).toBeGreaterThan(seen[i - 1] * 1.08);
  });
  it('keeps levels apart for every kind of sight', () => {
    for (const sight of Object.keys(SIGHT) as (keyof typeof SIGHT)[]) expect(nearest(theme, sight)).toBeGreaterThan(sight === 'normal' ? 18 : APART[name]);
  });
  it('shows a hatch on its fill', () => {
    theme.levels.forEach((fill, i) => {
      if (HATCHES[i] !== 'none') expect(contrast(theme.hatch[i], fill)).toBeGreaterThan(1.8);
    });
  });
  it('can be read: labels on their halo, sites and selection on land', () => {
    expect(contrast(theme.text, theme.halo)).toBeGreaterThan(7);
    expect(contrast(theme.site, theme.land)).toBeGreaterThanOrEqual(3);
    expect(contrast(theme.select, theme.land)).toBeGreaterThanOrEqual(3);
  });
});

it('never leaves a level to its colour alone', () => {
  expect(new Set(GLYPHS).size).toBe(4);
  expect(new Set(HATCHES).size).toBe(4);
});

it('dark level 4 stands out by its fill alone: a light outline would swamp small regions', () => {
  expect(contrast(THEMES.dark.levels[3], THEMES.dark.watched)).toBeGreaterThanOrEqual(3);
});

it('tells the style sheet the same values', () => {
  const element = document.createElement('div');
  publish(THEMES.dark, element.style);
  expect(element.style.getPropertyValue('--level-4')).toBe(THEMES.dark.levels[3]);
  expect(element.style.getPropertyValue('--land')).toBe(THEMES.dark.land);
});
