import { describe, expect, it } from 'vitest';
import { fit, keepInReach, panBy, toPlanar, toScreen, zoomAt } from '../src/map/view';
import type { Box } from '../src/map/topology';

const BOX: Box = [-57, 13, 957, 607];
const SIZE = { width: 900, height: 600 };

describe('the view', () => {
  it('shows the whole box with room around it', () => {
    const view = fit(BOX, SIZE, 12);
    const [x0, y0] = toScreen(view, BOX[0], BOX[1]);
    const [x1, y1] = toScreen(view, BOX[2], BOX[3]);
    expect(Math.min(x0, y0)).toBeGreaterThanOrEqual(12 - 1e-9);
    expect(x1).toBeLessThanOrEqual(888 + 1e-9);
    expect(y1).toBeLessThanOrEqual(588 + 1e-9);
    expect((x0 + x1) / 2).toBeCloseTo(450, 9);
  });
  it('goes to the plane and back', () => {
    const view = { k: 3.7, x: -120, y: 44 };
    const [x, y] = toPlanar(view, ...toScreen(view, 401.5, 222.25));
    expect(x).toBeCloseTo(401.5, 9);
    expect(y).toBeCloseTo(222.25, 9);
  });
  it('keeps the point under the pointer while zooming, and its limits', () => {
    const view = fit(BOX, SIZE);
    const before = toPlanar(view, 300, 200);
    const after = toPlanar(zoomAt(view, 2.5, 300, 200, 0.1, 50), 300, 200);
    expect(after[0]).toBeCloseTo(before[0], 9);
    expect(after[1]).toBeCloseTo(before[1], 9);
    expect(zoomAt(view, 1e9, 0, 0, 0.1, 50).k).toBe(50);
    expect(zoomAt(view, 1e-9, 0, 0, 0.1, 50).k).toBe(0.1);
  });
  it('cannot lose the country', () => {
    const lost = panBy(fit(BOX, SIZE), 1e6, -1e6);
    const view = keepInReach(lost, BOX, SIZE);
    const [x0] = toScreen(view, BOX[0], BOX[1]);
    const [, y1] = toScreen(view, BOX[2], BOX[3]);
    expect(x0).toBeLessThanOrEqual(SIZE.width / 2 + 1e-9);
    expect(y1).toBeGreaterThanOrEqual(SIZE.height / 2 - 1e-9);
  });
});
