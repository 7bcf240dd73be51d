import { feature } from 'topojson-client';
import { describe, expect, it } from 'vitest';
import source from '../../node_modules/us-atlas/counties-albers-10m.json?raw';
import { type PathSink, type Topology, contains, decodeTopology, traceMesh, traceShape } from '../src/map/topology';

const topology = JSON.parse(source) as Topology;
const atlas = decodeTopology(topology);

class Recorder implements PathSink {
  rings: [number, number][][] = [];
  closed = 0;
  moveTo(x: number, y: number) { this.rings.push([[x, y]]); }
  lineTo(x: number, y: number) { this.rings.at(-1)!.push([x, y]); }
  closePath() { this.closed += 1; }
}

/** What the reference library makes of the same geometry. */
function reference(object: string, i: number): [number, number][][] {
  const one = feature(topology as never, topology.objects[object].geometries[i] as never) as unknown as {
    geometry: { type: string; coordinates: never };
  };
  return one.geometry.type === 'Polygon' ? one.geometry.coordinates : (one.geometry.coordinates as [number, number][][][]).flat();
}

describe('the planar map', () => {
  it('has 3,142 counties and the states', () => {
    expect(atlas.counties).toHaveLength(3142);
    expect(atlas.states).toHaveLength(51);
  });
  it('draws every county as the reference library does', () => {
    atlas.counties.forEach((shape, i) => {
      const sink = new Recorder();
      traceShape(sink, shape, atlas.arcs);
      const expected = reference('counties', i);
      expect(sink.closed).toBe(expected.length);
      sink.rings.forEach((ring, r) => {
        // The library fills a degenerate ring up to four points; the same line.
        expect(expected[r].slice(ring.length).every((p) => p[0] === expected[r][0][0])).toBe(true);
        expect(ring.length).toBeLessThanOrEqual(expected[r].length);
        ring.forEach(([x, y], p) => {
          if (Math.abs(x - expected[r][p][0]) > 1e-6 || Math.abs(y - expected[r][p][1]) > 1e-6)
            throw new Error(`${shape.id} ring ${r} point ${p}: got ${x},${y}, expected ${expected[r][p]}`);
        });
      });
    });
  });
  it('strokes each border once', () => {
    const sink = new Recorder();
    traceMesh(sink, atlas.arcs);
    expect(sink.rings).toHaveLength(topology.arcs.length);
    const states = new Recorder();
    traceMesh(states, atlas.arcs, atlas.states);
    expect(states.rings.length).toBeGreaterThan(100);
    expect(states.rings.length).toBeLessThan(sink.rings.length / 2);
  });
  it('finds the county under a point: at most one, and its own', () => {
    const king = atlas.counties.find((s) => s.name === 'King' && s.id === '53033')!;
    const x = (king.box[0] + king.box[2]) / 2;
    const y = (king.box[1] + king.box[3]) / 2;
    expect(atlas.counties.filter((s) => contains(s, atlas.arcs, x, y)).map((s) => s.id)).toEqual(['53033']);
    let hits = 0;
    for (let i = 0; i < 400; i++) {
      const px = atlas.box[0] + ((i * 37) % 400) * ((atlas.box[2] - atlas.box[0]) / 400);
      const py = atlas.box[1] + ((i * 91) % 400) * ((atlas.box[3] - atlas.box[1]) / 400);
      const n = atlas.counties.filter((s) => contains(s, atlas.arcs, px, py)).length;
      expect(n).toBeLessThanOrEqual(1);
      hits += n;
    }
    expect(hits).toBeGreaterThan(100);
  });
  it('leaves a hole empty', () => {
    const square = (a: number, b: number): [number, number][] => [[a, a], [b, a], [b, b], [a, b], [a, a]];
    const small = decodeTopology({
      type: 'Topology',
      arcs: [square(0, 10), square(4, 6).reverse()],
      objects: {
        counties: { type: 'GeometryCollection', geometries: [{ type: 'Polygon', id: 'ring', arcs: [[0], [1]] }] },
        states: { type: 'GeometryCollection', geometries: [] },
        nation: { type: 'GeometryCollection', geometries: [] },
      },
    });
    const [ring] = small.counties;
    expect(contains(ring, small.arcs, 2, 2)).toBe(true);
    expect(contains(ring, small.arcs, 5, 5)).toBe(false);
    expect(contains(ring, small.arcs, 11, 2)).toBe(false);
  });
  it('says which object is missing', () => {
    expect(() => decodeTopology({ ...topology, objects: { counties: topology.objects.counties } })).toThrow(/object states is missing/);
  });
});
