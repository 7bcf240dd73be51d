/** The arithmetic of panning and zooming: screen = planar × k + (x, y), in CSS pixels. */

import type { Box } from './topology';

export interface View {
  k: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/** The view that shows a whole box with some room around it. */
export function fit(box: Box, size: Size, padding = 12): View {
  const w = Math.max(1, size.width - 2 * padding);
  const h = Math.max(1, size.height - 2 * padding);
  const k = Math.min(w / (box[2] - box[0]), h / (box[3] - box[1]));
  return {
    k,
    x: size.width / 2 - (k * (box[0] + box[2])) / 2,
    y: size.height / 2 - (k * (box[1] + box[3])) / 2,
  };
}

/** Zoom so that the point under (cx, cy) stays where it is. */
export function zoomAt(view: View, factor: number, cx: number, cy: number, min: number, max: number): View {
  const k = Math.min(max, Math.max(min, view.k * factor));
  const f = k / view.k;
  return { k, x: cx - (cx - view.x) * f, y: cy - (cy - view.y) * f };
}

export function panBy(view: View, dx: number, dy: number): View {
  return { k: view.k, x: view.x + dx, y: view.y + dy };
}

/** Keep the country in reach: its box may leave the window, but not by more than half. */
export function keepInReach(view: View, box: Box, size: Size): View {
  const along = (offset: number, lo: number, hi: number, room: number) => {
    const min = room / 2 - hi * view.k;
    const max = room / 2 - lo * view.k;
    return Math.min(max, Math.max(min, offset));
  };
  return {
    k: view.k,
    x: along(view.x, box[0], box[2], size.width),
    y: along(view.y, box[1], box[3], size.height),
  };
}

export function toPlanar(view: View, px: number, py: number): [number, number] {
  return [(px - view.x) / view.k, (py - view.y) / view.k];
}

export function toScreen(view: View, x: number, y: number): [number, number] {
  return [x * view.k + view.x, y * view.k + view.y];
}
