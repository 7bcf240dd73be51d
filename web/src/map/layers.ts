/**
 * The layered canvas map: land below, what is abnormal above it, the selection on top.
 *
 * While the map is moved the finished picture is moved by a CSS transform and drawn anew 120 ms after the gesture; a
 * margin of a quarter around the window hides the edges meanwhile. A new instant redraws the middle layer only.
 */

import { UNCOVERED, UNKNOWN, isLevel } from '../state/cube';
import { drawGlyph, hatchPattern } from './marks';
import type { Theme } from './palette';
import { type Atlas, type Shape, contains, traceMesh, traceShape } from './topology';
import { type Size, type View, fit, keepInReach, panBy, toPlanar, toScreen, zoomAt } from './view';

export interface MapSite {
  id: string;
  code: string;
  x: number;
  y: number;
  parent: string | null;
}

export interface MapEvents {
  pick(id: string | null): void;
  hover(id: string | null, x: number, y: number): void;
}

const MARGIN = 0.25;
const THRESHOLD = 4;
const SETTLE_MS = 120;
const MAX_ZOOM = 40;
const LABELS_FROM = 3.2;

type Layer = 'base' | 'abnormal' | 'overlay';

export class LayeredMap {
  #stage: HTMLDivElement;
  #canvas: Record<Layer, HTMLCanvasElement>;
  #size: Size = { width: 0, height: 0 };
  #view: View = { k: 1, x: 0, y: 0 };
  #drawn: View = { k: 1, x: 0, y: 0 };
  #home = 1;
  #dpr = 1;
  #moved = false;
  #settle = 0;
  #frame = 0;
  #dirty = new Set<Layer>();

  #atlas: Atlas | null = null;
  #theme: Theme;
  #paths: Path2D[] = [];
  #countyMesh: Path2D | null = null;
  #stateMesh: Path2D | null = null;
  #nation: Path2D | null = null;
  #countyIndex = new Map<string, number>();
  #sites: MapSite[] = [];
  #siteIndex = new Map<string, number>();
  #countyBytes = new Uint8Array(0);
  #siteBytes = new Uint8Array(0);
  #coverage = '';
  #selected: string | null = null;
  #hovered: string | null = null;
  #pointers = new Map<number, { x: number; y: number }>();
  #drag: { x: number; y: number; moving: boolean; pinch: number } | null = null;
  #stop: (() => void)[] = [];
  #onFrame: ((ms: number) => void) | null = null;

  constructor(
    readonly host: HTMLElement,
    theme: Theme,
    readonly events: MapEvents,
  ) {
    this.#theme = theme;
    this.#stage = document.createElement('div');
    this.#stage.className = 'map-stage';
    const make = () => this.#stage.appendChild(document.createElement('canvas'));
    this.#canvas = { base: make(), abnormal: make(), overlay: make() };
    host.prepend(this.#stage);
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      act: (e: HTMLElementEventMap[K]) => void,
      options?: AddEventListenerOptions,
    ) => {
      host.addEventListener(type, act, options);
      this.#stop.push(() => host.removeEventListener(type, act, options));
    };
    on('pointerdown', (e) => this.#down(e));
    on('pointermove', (e) => this.#move(e));
    on('pointerup', (e) => this.#up(e));
    on('pointercancel', (e) => this.#cancel(e));
    on('pointerleave', () => this.#setHover(null, 0, 0));
    on('wheel', (e) => this.#wheel(e), { passive: false });
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(host);
    this.#stop.push(() => observer.disconnect());
    this.resize();
  }

  destroy(): void {
    for (const stop of this.#stop) stop();
    clearTimeout(this.#settle);
    cancelAnimationFrame(this.#frame);
    this.#stage.remove();
  }

  /** Call `act` once after the next full drawing. */
  afterNextFrame(act: (ms: number) => void): void {
    this.#onFrame = act;
    this.#want('abnormal');
  }

  get hasMap(): boolean {
    return this.#atlas !== null;
  }

  setAtlas(atlas: Atlas): void {
    this.#atlas = atlas;
    const path = (trace: (p: Path2D) => void) => {
      const p = new Path2D();
      trace(p);
      return p;
    };
    this.#paths = atlas.counties.map((s) => path((p) => traceShape(p, s, atlas.arcs)));
    this.#countyIndex = new Map(atlas.counties.map((s, i) => [s.id, i]));
    this.#countyMesh = path((p) => traceMesh(p, atlas.arcs));
    this.#stateMesh = path((p) => traceMesh(p, atlas.arcs, [...atlas.states, ...atlas.nation]));
    this.#nation = path((p) => atlas.nation.forEach((s) => traceShape(p, s, atlas.arcs)));
    this.#countyBytes = new Uint8Array(atlas.counties.length).fill(UNCOVERED);
    this.fitAll();
  }

  setSites(sites: MapSite[]): void {
    this.#sites = sites;
    this.#siteIndex = new Map(sites.map((s, i) => [s.id, i]));
    this.#siteBytes = new Uint8Array(sites.length).fill(UNCOVERED);
    this.#want('abnormal', 'overlay');
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#want('base', 'abnormal', 'overlay');
  }

  /** Show the level bytes of one instant. Returns the ids that are drawn as abnormal. */
  setLevels(regions: readonly string[], bytes: Uint8Array): string[] {
    const drawn: string[] = [];
    this.#countyBytes.fill(UNCOVERED);
    this.#siteBytes.fill(UNCOVERED);
    for (let i = 0; i < regions.length; i++) {
      const county = this.#countyIndex.get(regions[i]);
      const site = county === undefined ? this.#siteIndex.get(regions[i]) : undefined;
      if (county !== undefined) this.#countyBytes[county] = bytes[i];
      else if (site !== undefined) this.#siteBytes[site] = bytes[i];
      else continue;
      if (isLevel(bytes[i])) drawn.push(regions[i]);
    }
    // The land only needs a new drawing when what is watched or unknown changes, which is rare.
    let coverage = '';
    this.#countyBytes.forEach((b, i) => {
      if (b !== UNCOVERED) coverage += b === UNKNOWN ? `${i}?` : `${i},`;
    });
    if (coverage !== this.#coverage) {
      this.#coverage = coverage;
      this.#want('base');
    }
    this.#want('abnormal');
    return drawn;
  }

  select(id: string | null): void {
    if (id === this.#selected) return;
    this.#selected = id;
    this.#want('overlay');
  }

  /** Move a region into sight, without changing the zoom. */
  reveal(id: string): void {
    const at = this.#where(id);
    if (!at || !this.#size.width) return;
    const [x, y] = toScreen(this.#view, at[0], at[1]);
    const { width, height } = this.#size;
    if (x > 16 && x < width - 16 && y > 16 && y < height - 16) return;
    this.#show(panBy(this.#view, width / 2 - x, height / 2 - y));
  }

  zoomBy(factor: number): void {
    this.#show(this.#zoomed(factor, this.#size.width / 2, this.#size.height / 2));
  }

  panBy(dx: number, dy: number): void {
    this.#show(panBy(this.#view, dx, dy));
  }

  fitAll(): void {
    if (!this.#atlas || !this.#size.width) return;
    this.#view = fit(this.#atlas.box, this.#size);
    this.#home = this.#view.k;
    this.#redraw();
  }

  /** Choose the region in the middle of the window, for the keyboard. */
  pickCentre(): void {
    this.events.pick(this.#at(this.#size.width / 2, this.#size.height / 2));
  }

  resize(): void {
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    const dpr = Math.min(2, window.devicePixelRatio || 1);
    // A resize observer fires once at the start: laying everything out twice costs a second.
    if (!width || !height || (width === this.#size.width && height === this.#size.height && dpr === this.#dpr)) return;
    const first = this.#size.width === 0;
    const middle = first ? null : toPlanar(this.#view, this.#size.width / 2, this.#size.height / 2);
    const zoom = first ? 1 : this.#view.k / this.#home;
    this.#size = { width, height };
    this.#dpr = dpr;
    for (const canvas of Object.values(this.#canvas)) {
      canvas.width = Math.round(width * (1 + 2 * MARGIN) * dpr);
      canvas.height = Math.round(height * (1 + 2 * MARGIN) * dpr);
      canvas.style.width = `${width * (1 + 2 * MARGIN)}px`;
      canvas.style.height = `${height * (1 + 2 * MARGIN)}px`;
      canvas.style.left = `${-width * MARGIN}px`;
      canvas.style.top = `${-height * MARGIN}px`;
    }
    this.fitAll();
    if (middle && zoom > 1.001) {
      const k = this.#view.k * zoom;
      this.#show({ k, x: width / 2 - middle[0] * k, y: height / 2 - middle[1] * k });
    }
  }

  // -- moving ----------------------------------------------------------------------------------------------------

  #zoomed(factor: number, x: number, y: number): View {
    return zoomAt(this.#view, factor, x, y, this.#home * 0.9, this.#home * MAX_ZOOM);
  }

  #show(view: View): void {
    if (!this.#atlas) return;
    this.#view = keepInReach(view, this.#atlas.box, this.#size);
    const s = this.#view.k / this.#drawn.k;
    const dx = this.#view.x - this.#drawn.x * s;
    const dy = this.#view.y - this.#drawn.y * s;
    this.#stage.style.transform = `translate(${dx}px, ${dy}px) scale(${s})`;
    this.#moved = true;
    clearTimeout(this.#settle);
    this.#settle = window.setTimeout(() => this.#redraw(), SETTLE_MS);
  }

  #redraw(): void {
    clearTimeout(this.#settle);
    this.#want('base', 'abnormal', 'overlay');
    this.#moved = true;
  }

  #local(e: PointerEvent | WheelEvent): { x: number; y: number } {
    const box = this.host.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  #isControl(e: Event): boolean {
    return e.target instanceof Element && e.target.closest('button, a, .over-map') !== null;
  }

  #down(e: PointerEvent): void {
    if (e.button !== 0 || this.#isControl(e)) return;
    const at = this.#local(e);
    this.#pointers.set(e.pointerId, at);
    this.#drag = { ...at, moving: false, pinch: this.#spread() };
  }

  #spread(): number {
    const [a, b] = [...this.#pointers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }

  #move(e: PointerEvent): void {
    const at = this.#local(e);
    if (!this.#drag || !this.#pointers.has(e.pointerId)) {
      if (this.#isControl(e)) this.#setHover(null, 0, 0);
      else this.#setHover(this.#at(at.x, at.y), at.x, at.y);
      return;
    }
    const before = this.#pointers.get(e.pointerId)!;
    this.#pointers.set(e.pointerId, at);
    if (this.#pointers.size === 2) {
      const spread = this.#spread();
      const points = [...this.#pointers.values()];
      if (this.#drag.pinch > 0 && spread > 0) {
        this.#drag.moving = true;
        const cx = (points[0].x + points[1].x) / 2;
        const cy = (points[0].y + points[1].y) / 2;
        this.#show(this.#zoomed(spread / this.#drag.pinch, cx, cy));
      }
      this.#drag.pinch = spread;
      return;
    }
    // Below the threshold a shaky click stays a click.
    if (!this.#drag.moving && Math.hypot(at.x - this.#drag.x, at.y - this.#drag.y) < THRESHOLD) return;
    if (!this.#drag.moving) {
      this.#drag.moving = true;
      this.host.setPointerCapture(e.pointerId);
      this.host.classList.add('moving');
      this.#setHover(null, 0, 0);
    }
    this.#show(panBy(this.#view, at.x - before.x, at.y - before.y));
  }

  #up(e: PointerEvent): void {
    const drag = this.#drag;
    const known = this.#pointers.delete(e.pointerId);
    if (this.#pointers.size === 0) {
      this.#drag = null;
      this.host.classList.remove('moving');
    }
    if (!drag || !known || drag.moving) return;
    const at = this.#local(e);
    this.events.pick(this.#at(at.x, at.y));
  }

  #cancel(e: PointerEvent): void {
    this.#pointers.delete(e.pointerId);
    if (this.#pointers.size === 0) this.#drag = null;
    this.host.classList.remove('moving');
  }

  #wheel(e: WheelEvent): void {
    if (this.#isControl(e)) return;
    // Where the page itself scrolls, the wheel belongs to the page unless the map has the focus.
    const scrolls = document.documentElement.scrollHeight > window.innerHeight + 4;
    if (scrolls && !e.ctrlKey && !this.host.contains(document.activeElement)) return;
    e.preventDefault();
    const at = this.#local(e);
    const lines = e.deltaMode === 1 ? 16 : 1;
    // The map moves away under the pointer.
    this.#setHover(null, 0, 0);
    this.#show(this.#zoomed(Math.exp((-e.deltaY * lines) / 400), at.x, at.y));
  }

  #setHover(id: string | null, x: number, y: number): void {
    if (id !== this.#hovered) {
      this.#hovered = id;
      this.#want('overlay');
    }
    this.events.hover(id, x, y);
  }

  // -- finding ---------------------------------------------------------------------------------------------------

  #where(id: string): [number, number] | null {
    const site = this.#siteIndex.get(id);
    if (site !== undefined) return [this.#sites[site].x, this.#sites[site].y];
    const shape = this.#shapeOf(id);
    return shape ? [(shape.box[0] + shape.box[2]) / 2, (shape.box[1] + shape.box[3]) / 2] : null;
  }

  #shapeOf(id: string): Shape | null {
    const county = this.#countyIndex.get(id);
    if (county !== undefined) return this.#atlas!.counties[county];
    return this.#atlas?.states.find((s) => s.id === id) ?? null;
  }

  #at(px: number, py: number): string | null {
    if (!this.#atlas) return null;
    let best: string | null = null;
    let distance = 9;
    this.#sites.forEach((site, i) => {
      const [x, y] = toScreen(this.#view, site.x, site.y);
      // What is abnormal is easier to hit.
      const d = Math.hypot(x - px, y - py) - (isLevel(this.#siteBytes[i]) ? 3 : 0);
      if (d < distance) [best, distance] = [site.id, d];
    });
    if (best) return best;
    const [x, y] = toPlanar(this.#view, px, py);
    return this.#atlas.counties.find((s) => contains(s, this.#atlas!.arcs, x, y))?.id ?? null;
  }

  // -- drawing ---------------------------------------------------------------------------------------------------

  #want(...layers: Layer[]): void {
    for (const layer of layers) this.#dirty.add(layer);
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    if (!this.#atlas || !this.#size.width) return;
    const began = performance.now();
    if (this.#moved && this.#dirty.size === 3) {
      this.#drawn = { ...this.#view };
      this.#stage.style.transform = '';
      this.#moved = false;
    }
    if (this.#dirty.has('base')) this.#drawBase();
    if (this.#dirty.has('abnormal')) this.#drawAbnormal();
    if (this.#dirty.has('overlay')) this.#drawOverlay();
    this.#dirty.clear();
    const act = this.#onFrame;
    this.#onFrame = null;
    act?.(performance.now() - began);
  }

  /** A cleared context in planar coordinates. */
  #begin(layer: Layer): CanvasRenderingContext2D {
    const canvas = this.#canvas[layer];
    const ctx = canvas.getContext('2d')!;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    this.#planar(ctx);
    return ctx;
  }

  #planar(ctx: CanvasRenderingContext2D): void {
    const { k, x, y } = this.#drawn;
    const d = this.#dpr;
    ctx.setTransform(
      k * d, 0, 0, k * d,
      (x + this.#size.width * MARGIN) * d,
      (y + this.#size.height * MARGIN) * d,
    );
  }

  #screen(ctx: CanvasRenderingContext2D): void {
    const d = this.#dpr;
    ctx.setTransform(d, 0, 0, d, this.#size.width * MARGIN * d, this.#size.height * MARGIN * d);
  }

  /** Fill with a pattern that keeps its size on the screen. */
  #fillHatch(ctx: CanvasRenderingContext2D, path: Path2D, pattern: CanvasPattern | null): void {
    if (!pattern) return;
    pattern.setTransform(new DOMMatrix().scale(1 / (this.#drawn.k * this.#dpr)));
    ctx.fillStyle = pattern;
    ctx.fill(path);
  }

  #drawBase(): void {
    const ctx = this.#begin('base');
    const theme = this.#theme;
    const k = this.#drawn.k;
    ctx.fillStyle = theme.land;
    ctx.fill(this.#nation!);
    const watched = new Path2D();
    const unknown = new Path2D();
    let unknowns = 0;
    this.#countyBytes.forEach((byte, i) => {
      if (byte === UNCOVERED) return;
      watched.addPath(this.#paths[i]);
      if (byte === UNKNOWN) {
        unknowns += 1;
        unknown.addPath(this.#paths[i]);
      }
    });
    ctx.fillStyle = theme.watched;
    ctx.fill(watched);
    if (unknowns) this.#fillHatch(ctx, unknown, hatchPattern(ctx, 'unknown', theme.unknown, this.#dpr));
    ctx.lineJoin = 'round';
    ctx.strokeStyle = theme.county;
    ctx.lineWidth = Math.min(1, 0.35 + 0.1 * (k / this.#home)) / k;
    ctx.stroke(this.#countyMesh!);
    ctx.strokeStyle = theme.state;
    ctx.lineWidth = 0.9 / k;
    ctx.stroke(this.#stateMesh!);
  }

  #drawAbnormal(): void {
    const ctx = this.#begin('abnormal');
    const theme = this.#theme;
    const k = this.#drawn.k;
    for (let level = 1; level <= 4; level++) {
      const path = new Path2D();
      let n = 0;
      this.#countyBytes.forEach((byte, i) => {
        if (byte === level) {
          n += 1;
          path.addPath(this.#paths[i]);
        }
      });
      if (!n) continue;
      ctx.fillStyle = theme.levels[level - 1];
      ctx.fill(path);
      this.#fillHatch(ctx, path, hatchPattern(ctx, level, theme.hatch[level - 1], this.#dpr));
      ctx.strokeStyle = theme.outline;
      ctx.lineWidth = 1.1 / k;
      ctx.lineJoin = 'round';
      ctx.stroke(path);
    }
    this.#screen(ctx);
    this.#drawSites(ctx);
  }

  #drawSites(ctx: CanvasRenderingContext2D): void {
    const theme = this.#theme;
    const zoom = this.#drawn.k / this.#home;
    const radius = Math.min(3.4, 1.5 + 0.35 * zoom);
    const points = this.#sites.map((s) => toScreen(this.#drawn, s.x, s.y));
    ctx.lineWidth = 1;
    for (const [byte, solid] of [[0, true], [UNKNOWN, false]] as const) {
      ctx.beginPath();
      points.forEach(([x, y], i) => {
        if (this.#siteBytes[i] !== byte) return;
        ctx.moveTo(x + radius, y);
        ctx.arc(x, y, radius, 0, 2 * Math.PI);
      });
      ctx.fillStyle = ctx.strokeStyle = theme.site;
      if (solid) ctx.fill();
      else ctx.stroke();
    }
    const order = points.map((_, i) => i).filter((i) => isLevel(this.#siteBytes[i]));
    order.sort((a, b) => this.#siteBytes[a] - this.#siteBytes[b]);
    const size = Math.min(13, 9 + zoom * 0.8);
    for (const i of order) {
      const level = this.#siteBytes[i];
      drawGlyph(ctx, level, points[i][0], points[i][1], size, theme);
    }
    const taken: [number, number, number, number][] = [];
    ctx.font = '600 11px "Noto Sans", system-ui, sans-serif';
    ctx.textBaseline = 'middle';
    ctx.lineJoin = 'round';
    const label = (i: number, strong: boolean) => {
      const [x, y] = points[i];
      const width = ctx.measureText(this.#sites[i].code).width;
      // Clear of the ring around what is selected.
      const gap = Math.max(13, size * 0.7 + 2);
      const left = x + gap + width > this.#size.width ? x - gap - width : x + gap;
      const box: [number, number, number, number] = [left - 1, y - 7, left + width + 1, y + 7];
      if (taken.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) return;
      taken.push(box);
      ctx.lineWidth = 3;
      ctx.strokeStyle = theme.halo;
      ctx.strokeText(this.#sites[i].code, left, y);
      ctx.fillStyle = strong ? theme.text : theme.site;
      ctx.fillText(this.#sites[i].code, left, y);
    };
    for (const i of [...order].reverse()) label(i, true);
    if (zoom >= LABELS_FROM) {
      points.forEach((_, i) => {
        if (!isLevel(this.#siteBytes[i])) label(i, false);
      });
    }
  }

  #drawOverlay(): void {
    const ctx = this.#begin('overlay');
    for (const [id, width] of [[this.#hovered, 1.6], [this.#selected, 2.6]] as const) {
      if (!id) continue;
      this.#planar(ctx);
      const county = this.#countyIndex.get(id);
      const site = this.#siteIndex.get(id);
      const shape = this.#shapeOf(id);
      ctx.lineJoin = 'round';
      if (shape) {
        const path = county !== undefined ? this.#paths[county] : new Path2D();
        if (county === undefined) traceShape(path, shape, this.#atlas!.arcs);
        ctx.strokeStyle = this.#theme.halo;
        ctx.lineWidth = (width + 2) / this.#drawn.k;
        ctx.stroke(path);
        ctx.strokeStyle = this.#theme.select;
        ctx.lineWidth = width / this.#drawn.k;
        ctx.stroke(path);
      } else if (site !== undefined) {
        this.#screen(ctx);
        const [x, y] = toScreen(this.#drawn, this.#sites[site].x, this.#sites[site].y);
        for (const [colour, w] of [[this.#theme.halo, width + 2], [this.#theme.select, width]] as const) {
          ctx.beginPath();
          ctx.arc(x, y, 10, 0, 2 * Math.PI);
          ctx.strokeStyle = colour;
          ctx.lineWidth = w;
          ctx.stroke();
        }
      }
    }
  }
}
