/** Shapes that stand beside every colour: glyphs of levels, and hatches. */

import { GLYPHS, HATCHES, type Theme } from './palette';

/** Corners of a level's glyph in a square from −1 to 1; the same for the canvas and for SVG. */
export function corners(level: number): [number, number][] {
  const glyph = GLYPHS[level - 1];
  if (glyph === 'square') return [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]];
  if (glyph === 'diamond') return [[0, -1], [1, 0], [0, 1], [-1, 0]];
  return [[0, -0.95], [1, 0.8], [-1, 0.8]];
}

/** Draw the glyph of a level around a point, `size` pixels wide. */
export function drawGlyph(
  ctx: CanvasRenderingContext2D, level: number, x: number, y: number, size: number, theme: Theme,
): void {
  const r = size / 2;
  ctx.beginPath();
  corners(level).forEach(([cx, cy], i) => {
    if (i === 0) ctx.moveTo(x + cx * r, y + cy * r);
    else ctx.lineTo(x + cx * r, y + cy * r);
  });
  ctx.closePath();
  ctx.lineJoin = 'round';
  ctx.lineWidth = 4;
  ctx.strokeStyle = theme.halo;
  ctx.stroke();
  // The outline lies under the fill, so that it takes nothing from a small glyph.
  ctx.lineWidth = 2;
  ctx.strokeStyle = theme.outline;
  ctx.stroke();
  ctx.fillStyle = theme.levels[level - 1];
  ctx.fill();
  if (GLYPHS[level - 1] === 'triangle-open') {
    ctx.beginPath();
    ctx.arc(x, y + r * 0.22, r * 0.22, 0, 2 * Math.PI);
    ctx.fillStyle = theme.halo;
    ctx.fill();
  }
}

const tiles = new Map<string, HTMLCanvasElement>();

/** The pattern of a level or of *unknown*; null where the hatch is *none*. */
export function hatchPattern(
  ctx: CanvasRenderingContext2D, level: number | 'unknown', colour: string, dpr: number,
): CanvasPattern | null {
  const hatch = level === 'unknown' ? 'unknown' : HATCHES[level - 1];
  if (hatch === 'none') return null;
  const key = `${hatch} ${colour} ${dpr}`;
  let tile = tiles.get(key);
  if (!tile) {
    tile = drawTile(hatch, colour, dpr);
    tiles.set(key, tile);
  }
  return ctx.createPattern(tile, 'repeat');
}

function drawTile(hatch: string, colour: string, dpr: number): HTMLCanvasElement {
  const n = Math.round((hatch === 'unknown' ? 6 : 5) * dpr);
  const tile = document.createElement('canvas');
  tile.width = tile.height = n;
  const c = tile.getContext('2d')!;
  c.strokeStyle = c.fillStyle = colour;
  c.lineWidth = dpr;
  c.globalAlpha = hatch === 'unknown' ? 0.75 : 0.85;
  c.beginPath();
  if (hatch === 'dots') {
    c.arc(n / 2, n / 2, 0.9 * dpr, 0, 2 * Math.PI);
    c.fill();
    return tile;
  }
  const down = (o: number) => {
    c.moveTo(-1 + o, -1);
    c.lineTo(n + 1 + o, n + 1);
  };
  const up = (o: number) => {
    c.moveTo(-1 + o, n + 1);
    c.lineTo(n + 1 + o, -1);
  };
  for (const o of [-n, 0, n]) {
    if (hatch === 'unknown' || hatch === 'diagonal' || hatch === 'cross') up(o);
    if (hatch === 'cross') down(o);
  }
  c.stroke();
  return tile;
}
