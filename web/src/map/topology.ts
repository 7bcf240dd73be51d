/**
 * Planar TopoJSON straight to paths: no projection, no intermediate features.
 *
 * The server projects and quantises once; here 46,000 points become paths in some ten milliseconds.
 */

export interface Geometry {
  type: string | null;
  id?: string | number;
  properties?: { name?: string };
  arcs?: number[][] | number[][][];
}

export interface Topology {
  type: 'Topology';
  bbox?: number[];
  transform?: { scale: [number, number]; translate: [number, number] };
  objects: Record<string, { type: 'GeometryCollection'; geometries: Geometry[] }>;
  arcs: [number, number][][];
}

/** What a path is drawn into: a `Path2D`, or a recorder in a test. */
export interface PathSink {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
}

export type Box = [number, number, number, number];

/** One region: rings as lists of arc numbers (`~n` means arc n backwards), and the box around them. */
export interface Shape {
  id: string;
  name: string;
  rings: number[][];
  box: Box;
}

export interface Atlas {
  /** `[x0, y0, x1, y1, …]` of every arc. */
  arcs: Float64Array[];
  box: Box;
  counties: Shape[];
  states: Shape[];
  nation: Shape[];
}

function decodeArcs(topology: Topology): Float64Array[] {
  const { scale, translate } = topology.transform ?? { scale: [1, 1], translate: [0, 0] };
  const delta = topology.transform !== undefined;
  return topology.arcs.map((points) => {
    const out = new Float64Array(points.length * 2);
    let x = 0;
    let y = 0;
    for (let i = 0; i < points.length; i++) {
      x = delta ? x + points[i][0] : points[i][0];
      y = delta ? y + points[i][1] : points[i][1];
      out[2 * i] = x * scale[0] + translate[0];
      out[2 * i + 1] = y * scale[1] + translate[1];
    }
    return out;
  });
}

function shape(geometry: Geometry, arcs: Float64Array[]): Shape {
  const rings =
    geometry.type === 'Polygon'
      ? (geometry.arcs as number[][])
      : geometry.type === 'MultiPolygon'
        ? (geometry.arcs as number[][][]).flat()
        : [];
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (const number of ring) {
      const arc = arcs[number < 0 ? ~number : number];
      for (let i = 0; i < arc.length; i += 2) {
        if (arc[i] < box[0]) box[0] = arc[i];
        if (arc[i] > box[2]) box[2] = arc[i];
        if (arc[i + 1] < box[1]) box[1] = arc[i + 1];
        if (arc[i + 1] > box[3]) box[3] = arc[i + 1];
      }
    }
  }
  return { id: String(geometry.id ?? ''), name: geometry.properties?.name ?? '', rings, box };
}

/** Decode a topology with the objects `counties`, `states` and `nation`. */
export function decodeTopology(topology: Topology): Atlas {
  const arcs = decodeArcs(topology);
  const of = (name: string) => {
    const object = topology.objects[name];
    if (!object) throw new RangeError(`map: object ${name} is missing, allowed: counties, states, nation`);
    return object.geometries.map((g) => shape(g, arcs));
  };
  const counties = of('counties');
  const states = of('states');
  const nation = of('nation');
  const box = counties.reduce<Box>(
    (b, s) => [Math.min(b[0], s.box[0]), Math.min(b[1], s.box[1]), Math.max(b[2], s.box[2]), Math.max(b[3], s.box[3])],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
  return { arcs, box, counties, states, nation };
}

/** Draw the rings of a shape. */
export function traceShape(sink: PathSink, shape: Shape, arcs: Float64Array[]): void {
  for (const ring of shape.rings) {
    let first = true;
    for (const number of ring) {
      const arc = arcs[number < 0 ? ~number : number];
      const n = arc.length / 2;
      // The first point of an arc is the last of the one before it.
      for (let j = first ? 0 : 1; j < n; j++) {
        const i = number < 0 ? n - 1 - j : j;
        if (first && j === 0) sink.moveTo(arc[2 * i], arc[2 * i + 1]);
        else sink.lineTo(arc[2 * i], arc[2 * i + 1]);
      }
      first = false;
    }
    sink.closePath();
  }
}

/** Draw each border once: all arcs, or only those that some shapes use. */
export function traceMesh(sink: PathSink, arcs: Float64Array[], shapes?: readonly Shape[]): void {
  const used = shapes ? new Set(shapes.flatMap((s) => s.rings.flat().map((n) => (n < 0 ? ~n : n)))) : null;
  arcs.forEach((arc, number) => {
    if (used && !used.has(number)) return;
    sink.moveTo(arc[0], arc[1]);
    for (let i = 2; i < arc.length; i += 2) sink.lineTo(arc[i], arc[i + 1]);
  });
}

/** Whether a point lies inside a shape (even–odd). */
export function contains(shape: Shape, arcs: Float64Array[], x: number, y: number): boolean {
  const [x0, y0, x1, y1] = shape.box;
  if (x < x0 || x > x1 || y < y0 || y > y1) return false;
  let inside = false;
  for (const ring of shape.rings) {
    for (const number of ring) {
      const arc = arcs[number < 0 ? ~number : number];
      // Direction does not matter to a crossing count, so arcs need no turning.
      for (let i = 2; i < arc.length; i += 2) {
        const ay = arc[i - 1];
        const by = arc[i + 1];
        if (ay > y !== by > y && x < arc[i - 2] + ((y - ay) / (by - ay)) * (arc[i] - arc[i - 2])) inside = !inside;
      }
    }
  }
  return inside;
}
