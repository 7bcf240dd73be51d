/**
 * A small server for looking at the page and for its tests: the shapes of the API on made-up data.
 *
 * Nothing of it is shipped. The map is the real planar one; sites lie in the middle of real counties; the days of the
 * three storms and the earthquake of the demo are drawn by hand, everything else comes from a seeded generator.
 *
 *   node web/dev/fixture.mjs --port 8751 --scenario normal|quiet|flood|outage
 */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const HERE = dirname(fileURLToPath(import.meta.url));
const ATLAS = join(HERE, '../../node_modules/us-atlas/counties-albers-10m.json');
const STATIC = join(HERE, '../../src/tocsin/static');
const HOUR = 3_600_000;
const START = Date.UTC(2001, 0, 1);
const STEPS = 4344;
const END = START + (STEPS - 1) * HOUR;
const OPEN = Date.UTC(2001, 1, 28, 20);
const DOMAINS = [
  ['air_transport', 'Air transport'],
  ['seismic', 'Earthquakes'],
  ['weather_alerts', 'Weather alerts'],
  ['economy', 'Economy'],
];

const SITES = `SEA 53033 Seattle|GEG 53063 Spokane|PDX 41051 Portland|BOI 16001 Boise|SFO 06081 San Francisco|OAK 06001 Oakland
SJC 06085 San Jose|SMF 06067 Sacramento|LAX 06037 Los Angeles|ONT 06071 Ontario|SAN 06073 San Diego|LAS 32003 Las Vegas
RNO 32031 Reno|PHX 04013 Phoenix|TUS 04019 Tucson|SLC 49035 Salt Lake City|DEN 08031 Denver|ABQ 35001 Albuquerque
ELP 48141 El Paso|DFW 48439 Dallas–Fort Worth|DAL 48113 Dallas Love|IAH 48201 Houston Intercontinental|HOU 48201 Houston Hobby
AUS 48453 Austin|SAT 48029 San Antonio|MSY 22051 New Orleans|MEM 47157 Memphis|BNA 47037 Nashville|STL 29189 St. Louis
MCI 29165 Kansas City|OMA 31055 Omaha|MSP 27053 Minneapolis|MKE 55079 Milwaukee|ORD 17031 Chicago O'Hare|MDW 17031 Chicago Midway
DTW 26163 Detroit|GRR 26081 Grand Rapids|CLE 39035 Cleveland|CMH 39049 Columbus|CVG 21015 Cincinnati|IND 18097 Indianapolis
SDF 21111 Louisville|PIT 42003 Pittsburgh|ATL 13063 Atlanta|CLT 37119 Charlotte|RDU 37183 Raleigh|JAX 12031 Jacksonville
MCO 12095 Orlando|TPA 12057 Tampa|FLL 12011 Fort Lauderdale|MIA 12086 Miami|DCA 51013 Washington National|IAD 51107 Washington Dulles
BWI 24003 Baltimore|PHL 42045 Philadelphia|EWR 34013 Newark|JFK 36081 New York Kennedy|LGA 36081 New York La Guardia
BDL 09003 Hartford|PVD 44003 Providence|BOS 25025 Boston|BUF 36029 Buffalo|SYR 36067 Syracuse|ANC 02020 Anchorage|HNL 15003 Honolulu`;
const UNMAPPED = [
  ['SJU', 'US-72', 'San Juan', 'Puerto Rico', 18.44, -66.0],
  ['BQN', 'US-72', 'Aguadilla', 'Puerto Rico', 18.49, -67.13],
  ['PSE', 'US-72', 'Ponce', 'Puerto Rico', 18.01, -66.56],
  ['STT', 'US-78', 'Saint Thomas', 'Virgin Islands', 18.34, -64.97],
  ['STX', 'US-78', 'Saint Croix', 'Virgin Islands', 17.7, -64.8],
];
const ZONES = { 53: 'America/Los_Angeles', 41: 'America/Los_Angeles', '06': 'America/Los_Angeles', 32: 'America/Los_Angeles', 36: 'America/New_York', 25: 'America/New_York', 48: 'America/Chicago', 17: 'America/Chicago' };

/** A number in [0, 1) from words: the same on every run. */
function chance(...words) {
  return createHash('sha1').update(words.join(' ')).digest().readUInt32LE(0) / 2 ** 32;
}

const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');
const utc = (text) => Date.parse(text);

/** Events drawn by hand: sites, hours, levels. */
const STORMS = [
  { key: 'nisqually', event: 'Airport stop', regions: { SEA: 3, PDX: 1 }, from: utc('2001-02-28T19:00Z'), hours: 9, verdict: 'TRUE', lead: 3 * 3600, headline: 'Departures stopped at Seattle', domain: 'air_transport' },
  { key: 'noreaster', event: 'Airport stops', regions: { BOS: 4, LGA: 4, JFK: 3, EWR: 3, BDL: 3, PVD: 2, SYR: 1 }, from: utc('2001-03-05T16:00Z'), hours: 34, verdict: 'TRUE', lead: 7 * 3600, headline: 'Departures far below normal at six airports of the Northeast', domain: 'air_transport' },
  { key: 'allison', event: 'Airport stops', regions: { IAH: 4, HOU: 3, AUS: 1 }, from: utc('2001-06-09T03:00Z'), hours: 40, verdict: 'TRUE', lead: 5 * 3600, headline: 'Departures stopped at Houston', domain: 'air_transport' },
  { key: 'quake', event: 'Earthquake', regions: { 'US-53033': 2, 'US-53053': 2, 'US-53067': 2, 'US-53035': 1, 'US-53061': 1 }, from: utc('2001-02-28T19:00Z'), hours: 24, verdict: 'OPEN', lead: null, headline: 'M 6.8 earthquake near Olympia, Washington', domain: 'seismic' },
];

function world() {
  const topology = JSON.parse(readFileSync(ATLAS, 'utf8'));
  const centre = new Map();
  const { scale, translate } = topology.transform;
  const arcs = topology.arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], (y += dy) * scale[1] + translate[1]]);
  });
  const states = new Map(topology.objects.states.geometries.map((g) => [g.id, g.properties.name]));
  const counties = [];
  for (const g of topology.objects.counties.geometries) {
    const points = g.arcs.flat(3).flatMap((n) => arcs[n < 0 ? ~n : n]);
    const xs = points.map((p) => p[0]);
    const ys = points.map((p) => p[1]);
    centre.set(g.id, [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2]);
    counties.push({
      id: `US-${g.id}`, name: g.properties.name, title: `${g.properties.name}, ${states.get(g.id.slice(0, 2)) ?? '?'}`, code: g.id,
      level: 'county', parent: `US-${g.id.slice(0, 2)}`, lat: 0, lon: 0, x: null, y: null, mapped: true,
      population: Math.round(1000 * 900 ** chance('pop', g.id)), population_note: 'listed places, no census',
      timezone: ZONES[g.id.slice(0, 2)] ?? 'America/New_York',
    });
  }
  for (const name of ['counties', 'states']) for (const g of topology.objects[name].geometries) g.id = `US-${g.id}`;
  const sites = SITES.split(/[|\n]/).map((line, i, all) => {
    const [, code, fips, city] = /^(\w+) (\d+) (.+)$/.exec(line);
    const twice = all.findIndex((l) => l.includes(` ${fips} `)) !== i;
    const [x, y] = centre.get(fips);
    return {
      id: `US-AIR-${code}`, name: city, title: `${city}, ${states.get(fips.slice(0, 2))}`, code, level: 'site', parent: `US-${fips}`, lat: 40, lon: -100,
      x: x + (twice ? 1.6 : 0), y: y - (twice ? 1.2 : 0), mapped: true, population: null, population_note: null, timezone: ZONES[fips.slice(0, 2)] ?? 'America/New_York',
    };
  });
  for (const [code, parent, name, territory, lat, lon] of UNMAPPED) {
    sites.push({ id: `US-AIR-${code}`, name, title: `${name}, ${territory}`, code, level: 'site', parent, lat, lon, x: null, y: null, mapped: false, population: null, population_note: null, timezone: 'America/Puerto_Rico' });
  }
  const stateRegions = [...states, ['72', 'Puerto Rico'], ['78', 'Virgin Islands']].map(([fips, name]) => ({
    id: `US-${fips}`, name, title: name, code: fips, level: 'state', parent: 'US', lat: 0, lon: 0, x: null, y: null, mapped: fips < '72', population: 1_000_000, population_note: 'listed places, no census', timezone: 'America/New_York',
  }));
  const nation = [{ id: 'US', name: 'United States', title: 'United States', code: 'US', level: 'nation', parent: null, lat: 39, lon: -98, x: null, y: null, mapped: true, population: 279_000_000, population_note: 'listed places, no census', timezone: 'America/New_York' }];
  return { topology, counties, states: stateRegions, sites, nation };
}

/** A server on made-up data; `close()` ends it. `now` is the clock of LIVE. */
export async function createFixture({ scenario = 'normal', port = 0, now = Date.now, staticDir = STATIC } = {}) {
  const land = world();
  const site = new Map(land.sites.map((s) => [s.code, s]));
  const mapBytes = gzipSync(JSON.stringify(land.topology));
  const storms = scenario === 'quiet' ? [] : [...STORMS];
  if (scenario !== 'quiet') {
    const codes = [...site.keys()];
    for (let i = 0; i < 26; i++) {
      const code = codes[Math.floor(chance('code', i) * codes.length)];
      const level = 1 + (chance('level', i) > 0.45) + (chance('level', i) > 0.9);
      storms.push({
        key: `stop-${i}`, event: 'Airport stop', regions: { [code]: level }, from: START + Math.floor((0.17 + chance('at', i) * 0.8) * STEPS) * HOUR, hours: 3 + Math.floor(chance('hours', i) * 7),
        verdict: chance('verdict', i) > 0.6 ? 'SHORT_STOP' : chance('verdict', i) > 0.35 ? 'FALSE' : 'TRUE', lead: chance('verdict', i) <= 0.35 ? Math.round(chance('lead', i) * 5) * 3600 : null,
        headline: `Departures below normal at ${site.get(code).name}`, domain: 'air_transport',
      });
    }
  }
  if (scenario === 'flood') {
    const codes = [...site.keys()];
    for (let i = 0; i < 500; i++) {
      const code = codes[i % codes.length];
      storms.push({ key: `flood-${i}`, event: ['Airport stop', 'Flood', 'Blizzard', 'High wind'][i % 4], regions: { [code]: 1 + (i % 4) }, from: OPEN - (1 + (i % 8)) * HOUR, hours: 16, verdict: 'OPEN', lead: null, headline: `Departures below normal at ${site.get(code).name} (${i})`, domain: 'air_transport' });
    }
  }
  const regionId = (key) => (key.startsWith('US-') ? key : `US-AIR-${key}`);
  const unknownSites = new Set(scenario === 'outage' ? land.sites.slice(20).map((s) => s.id) : ['US-AIR-RNO', 'US-AIR-SYR']);

  const cubeRegions = [...new Set([...land.sites.map((s) => s.id), ...land.sites.filter((s) => s.mapped).map((s) => s.parent), ...land.counties.map((c) => c.id), 'US'])];
  const place = new Map(cubeRegions.map((id, i) => [id, i]));
  const parentOf = new Map(land.sites.map((s) => [s.id, s.parent]));
  const covered = new Set(land.sites.flatMap((s) => [s.id, s.parent]));

  function bytesAt(at) {
    const out = Object.fromEntries(DOMAINS.map(([d]) => [d, new Uint8Array(cubeRegions.length).fill(255)]));
    for (const id of covered) if (place.has(id)) out.air_transport[place.get(id)] = unknownSites.has(id) ? 254 : 0;
    for (const s of land.sites) if (s.mapped && unknownSites.has(s.id)) out.air_transport[place.get(s.parent)] = 254;
    for (const c of land.counties) out.seismic[place.get(c.id)] = 0;
    out.economy[place.get('US')] = at > utc('2001-04-06T12:30Z') && scenario !== 'quiet' ? 1 : 0;
    for (const s of storms) {
      if (at < s.from || at >= s.from + s.hours * HOUR) continue;
      for (const [key, top] of Object.entries(s.regions)) {
        const level = at < s.from + 2 * HOUR ? Math.max(1, top - 1) : top;
        const id = regionId(key);
        const bytes = out[s.domain];
        const raise = (r) => {
          const i = place.get(r);
          if (i !== undefined && (bytes[i] > 4 || bytes[i] < level)) bytes[i] = level;
        };
        raise(id);
        if (parentOf.has(id)) raise(parentOf.get(id));
      }
    }
    return out;
  }

  // -- warnings --
  const titleOf = (id) => [...land.sites, ...land.counties].find((r) => r.id === id)?.title ?? id;
  const alerts = storms.map((s) => {
    const level = Math.max(...Object.values(s.regions));
    const created = s.from + HOUR;
    const ids = Object.keys(s.regions).map(regionId);
    return {
      storm: s, level, created, sent: level >= 2 ? created + 9 * 60_000 : null, until: s.from + (s.hours + 6) * HOUR, ids,
      id: `urn:tocsin:us:${s.key}`,
    };
  });
  const draft = {
    id: 'urn:tocsin:us:exercise-1', state: 'submitted', revision: 1, created: now() - 25 * 60_000, history: [], approver: null, basis: null, reason: '',
  };
  if (scenario === 'quiet') draft.state = 'rejected';
  const sessions = new Map();
  const ACCOUNTS = { duty: ['duty', 'duty_officer'], approver: ['approver', 'approving_officer'] };

  function actionsFor(account) {
    if (!account) return [];
    const role = ACCOUNTS[account][1];
    if (draft.state === 'submitted' && role === 'approving_officer') return ['approve', 'reject'];
    // The author sees the button too, so that the refusal in words can be looked at.
    if (draft.state === 'submitted') return ['approve', 'reject'];
    if (draft.state === 'approved') return ['issue', 'cancel'];
    return [];
  }

  const BANDS = ['minimal', 'minor', 'significant', 'severe'];
  const graded = (level, likelihood) => ({
    likelihood_band: likelihood === null ? null : 'medium', impact_band: BANDS[level - 1],
    level_from: `stated rule of air_transport${likelihood === null ? '; likelihood not measured' : ''}`, rare_but_grave: false, matrix: '',
    schemes: { awareness_level: ['', '2; yellow; Moderate', '3; orange; Severe', '4; red; Extreme'][level - 1] }, translations: [], correction: false,
  });

  function exercise(account) {
    const member = (code, value, expected) => ({ region: `US-AIR-${code}`, name: code, since: iso(draft.created - HOUR), tail: 3e-6, value, expected, window_h: 3 });
    return {
      id: draft.id, chain: draft.id, revision: draft.revision, state: draft.state, domain: 'air_transport', status: 'Exercise', msg_type: 'Alert', scope: 'Restricted', event: 'Airport stop', category: 'Transport',
      level: 3, likelihood: null, impact: 3, headline: 'EXERCISE: departures stopped at Boston', description: 'EXERCISE. Departures at Boston and Providence are far below what is normal for this hour.', instruction: 'EXERCISE: confirm with the airport operators; do not publish.', response_type: 'Monitor', language: 'en-US',
      members: [member('BOS', 4, 61.3), member('PVD', 1, 14.8)], onset: iso(draft.created - HOUR), expires: iso(draft.created + 24 * HOUR), created_at: iso(draft.created), sent: draft.state === 'issued' ? iso(now()) : null, references: [],
      author: 'system', submitter: 'duty', approver: draft.approver, legal_basis: draft.basis, approved_hash: null, approval_expires: null, inputs: [], reason: draft.reason,
      ...graded(3, null),
      translations: [
        { language: 'es-US', event: 'Paro del aeropuerto', headline: 'EJERCICIO: salidas detenidas en Boston', description: 'EJERCICIO. Las salidas en Boston y Providence están muy por debajo de lo normal.', instruction: 'EJERCICIO: no publicar.', author: 'system', written_at: iso(draft.created), checked_by: draft.checker ?? null, checked_at: draft.checker ? iso(now()) : null },
      ],
      etag: `"${draft.id}-${draft.revision}"`, actions: actionsFor(account), title_regions: ['Boston, Massachusetts', 'Providence, Rhode Island'], verdict: null, waiting_s: Math.round((now() - draft.created) / 1000),
    };
  }

  function alertAt(a, at) {
    const { storm: s } = a;
    const waiting = a.sent !== null && at < a.sent;
    const state = a.sent === null ? 'draft' : waiting ? (at < a.created + 4 * 60_000 ? 'draft' : 'submitted') : at >= a.until ? 'expired' : 'issued';
    const settled = at > a.until;
    return {
      id: a.id, chain: a.id, revision: state === 'draft' ? 0 : 3, state, domain: s.domain, status: 'Actual', msg_type: 'Alert', scope: 'Public', event: s.event, category: 'Transport', level: a.level, likelihood: a.level > 1 ? 0.41 : null, impact: a.level,
      headline: s.headline, description: `Departures are far below what is normal for this hour at ${Object.keys(s.regions).join(', ')}.`, instruction: 'Travellers: ask your airline before you leave for the airport.', response_type: 'Monitor', language: 'en-US',
      members: Object.entries(s.regions).map(([key, level]) => ({ region: regionId(key), name: key.startsWith('US-') ? titleOf(key) : key, since: iso(s.from), tail: key.startsWith('US-') ? null : 10 ** -(3 + level), value: key.startsWith('US-') ? null : 3 + level, expected: key.startsWith('US-') ? null : 48.2, window_h: key.startsWith('US-') ? 0 : 3 })),
      onset: iso(s.from), expires: iso(a.until), created_at: iso(a.created), sent: a.sent !== null && !waiting ? iso(a.sent) : null, references: [], author: 'system', submitter: waiting || a.sent === null ? null : 'duty-sim', approver: waiting || a.sent === null ? null : 'approver-sim',
      ...graded(a.level, a.level > 1 ? 0.41 : null),
      legal_basis: a.sent !== null && !waiting ? 'demo-aviation' : null, approved_hash: null, approval_expires: null, inputs: ['cycle:2001-02-28T19'], reason: '', etag: `"${a.id}-3"`, actions: [], title_regions: a.ids.map(titleOf),
      verdict: a.level < 2 ? null : settled ? { verdict: s.verdict, lead_s: s.lead } : { verdict: 'OPEN', lead_s: null }, waiting_s: state === 'issued' || state === 'expired' ? null : Math.round((at - a.created) / 1000),
    };
  }

  function listAt(at, live, account) {
    // An exercise is never in the public view.
    if (live) return scenario === 'quiet' || !account ? [] : [exercise(account)];
    return alerts.filter((a) => a.created <= at).map((a) => alertAt(a, at));
  }
  const open = (a, at) => ['draft', 'submitted', 'approved', 'issued'].includes(a.state) && Date.parse(a.expires) > at;

  // -- views --
  function coverage(at, live) {
    const outage = scenario === 'outage';
    const row = (i, state, ageS, message, total, unknown) => ({
      domain: DOMAINS[i][0], title: DOMAINS[i][1], state, newest: ageS === null ? null : iso(at - ageS * 1000), last_ok: ageS === null ? null : iso(at - ageS * 1000), since: iso(at - (ageS ?? 0) * 1000), age_s: ageS, message, series_total: total, series_unknown: unknown,
    });
    if (live) {
      return [
        row(0, 'stale', 86400 * 9100, 'The archive ends on 30 June 2001', 198, 198),
        row(1, 'failed', null, 'The feed of earthquakes could not be reached: no route to host', 0, 0),
        row(2, 'failed', null, 'The feed of weather alerts could not be reached: no route to host', 0, 0),
        row(3, 'never', null, 'Nothing was ever read', 1, 1),
      ];
    }
    return [
      row(0, outage ? 'failed' : 'ok', outage ? 31_000 : 3900, outage ? 'HTTP 503 from the publisher since 14:00' : '', 198, outage ? 132 : 6),
      row(1, outage ? 'stale' : 'ok', outage ? 10_900 : 600, '', 3142, 0),
      row(2, 'never', null, 'Nothing was ever read', 0, 0),
      row(3, 'ok', 86400 * 26, '', 14, 0),
    ];
  }

  function assessments(at) {
    const bytes = bytesAt(at);
    const rows = [];
    for (const [domain] of DOMAINS) {
      bytes[domain].forEach((level, i) => {
        if (level < 1 || level > 4) return;
        const region = cubeRegions[i];
        const storm = storms.find((s) => s.domain === domain && at >= s.from && at < s.from + s.hours * HOUR && Object.keys(s.regions).some((k) => regionId(k) === region || parentOf.get(regionId(k)) === region));
        const both = DOMAINS.filter(([d]) => d !== domain && bytes[d][i] >= 1 && bytes[d][i] <= 4).map(([d]) => d);
        rows.push({
          region, title: region === 'US' ? 'United States' : titleOf(region), domain, level, likelihood: level > 1 ? 0.41 : null, impact: level, since: iso(storm?.from ?? utc('2001-04-06T13:00Z')),
          contributors: [{ kind: domain === 'seismic' ? 'event' : 'detection', ref: `det:${region}`, region, text: domain === 'seismic' ? 'M 6.8 at 52 km depth, 17 km north-east of Olympia' : domain === 'economy' ? 'Unemployment 4.5 %, expected 4.0 %' : `${3 + level} departures in 3 h, expected 48.2; chance in normal times 1e-${3 + level}`, weight: 1 }],
          compound_with: both,
        });
      });
    }
    return rows;
  }

  function series(query) {
    const [start, end] = [utc(query.get('start')), utc(query.get('end'))];
    const asof = query.has('asof') ? utc(query.get('asof')) : now();
    const region = query.get('region');
    const quantity = quantities(region).find((q) => q.id === query.get('quantity'));
    if (!quantity) return null;
    const step = quantity.step_s * 1000;
    const code = region.replace('US-AIR-', '');
    const points = { time: [], value: [], expected: [], lower: [], upper: [], tail: [], known_at: [] };
    const missing = [];
    for (let at = Math.ceil(start / step) * step; at < end; at += step) {
      const known = at + step + 600_000;
      if (known > asof || at > END) continue;
      const hour = new Date(at).getUTCHours();
      const monthly = quantity.step_s > 86400;
      const expected = monthly ? 4.2 : Math.max(0.4, 22 * Math.max(0, Math.sin(((hour - 9) / 24) * 2 * Math.PI + 0.35)) + 4);
      const storm = storms.find((s) => code in s.regions && at >= s.from - HOUR && at < s.from + s.hours * HOUR);
      if (chance('gap', region, at) > 0.985 || (unknownSites.has(region) && at > asof - 30 * HOUR)) {
        missing.push({ time: iso(at), reason: 'not reported' });
        continue;
      }
      const noise = (chance('v', region, at) - 0.5) * 1.4 * Math.sqrt(expected);
      const value = storm ? Math.round(expected * 0.06) : monthly ? +(4.2 + noise * 0.2).toFixed(1) : Math.max(0, Math.round(expected + noise));
      points.time.push(iso(at));
      points.value.push(value);
      points.expected.push(+expected.toFixed(2));
      points.lower.push(+Math.max(0, expected - 2.6 * Math.sqrt(expected)).toFixed(2));
      points.upper.push(+(expected + 2.6 * Math.sqrt(expected)).toFixed(2));
      points.tail.push(storm ? 1e-6 : 0.3);
      points.known_at.push(iso(known));
    }
    return { quantity, region, asof: iso(asof), source: { id: 'vega_flights', title: 'US flights, January to June 2001', licence: 'public domain' }, points, missing };
  }

  function quantities(region) {
    const make = (id, title, step_s, bad, unit) => ({ id, title, unit, kind: 'count', bad, step_s, domain: id.split('.')[0], source: 'vega_flights' });
    if (region.startsWith('US-AIR-')) return [make('air_transport.departures', 'Departures each hour', 3600, 'low', '1'), make('air_transport.delay', 'Mean arrival delay', 3600, 'high', 'min')];
    if (region === 'US') return [make('economy.unemployment', 'Unemployment rate', 2_592_000, 'high', '%')];
    return [];
  }

  function cube(query) {
    const start = utc(query.get('start'));
    const steps = Math.max(1, Math.ceil((utc(query.get('end')) - start) / HOUR));
    const n = cubeRegions.length;
    const levels = Buffer.alloc(DOMAINS.length * steps * n);
    for (let s = 0; s < steps; s++) {
      const at = start + s * HOUR;
      const live = at > END;
      const bytes = live ? null : bytesAt(at);
      DOMAINS.forEach(([d], k) => {
        for (let r = 0; r < n; r++) levels[(k * steps + s) * n + r] = live ? (d === 'air_transport' && covered.has(cubeRegions[r]) ? 254 : 255) : bytes[d][r];
      });
    }
    return { start: iso(start), step_s: 3600, steps, regions: cubeRegions, domains: DOMAINS.map(([d]) => d), levels: levels.toString('base64') };
  }

  /** Warnings of one hazard are one group. */
  function groupsOf(list) {
    const by = new Map();
    for (const a of list) by.set(`${a.status} ${a.event}`, [...(by.get(`${a.status} ${a.event}`) ?? []), a]);
    return [...by].map(([key, members]) => ({
      key, by: 'hazard', status: members[0].status, hazards: [members[0].event], level: Math.max(...members.map((a) => a.level)), count: members.length, waiting: members.filter((a) => a.sent === null).length,
      places: new Set(members.flatMap((a) => a.members.map((m) => m.region))).size, titles: [...new Set(members.flatMap((a) => a.title_regions))].slice(0, 5),
      onset: members.map((a) => a.onset).sort()[0], expires: members.map((a) => a.expires).sort().at(-1), members: [...members].sort((a, b) => b.level - a.level).map((a) => a.id),
    }));
  }
  const silences = scenario === 'quiet' ? [] : [{ id: 'us.silence.1.duty', reason: 'Runway works until the evening', author: 'duty', starts: iso(OPEN - 90 * 24 * HOUR), ends: iso(END), domains: ['air_transport'], hazards: ['Airport stop'], regions: ['US-06'], max_level: 2, holding: ['us.held.2'] }];
  const held = scenario === 'quiet' ? [] : [
    ['inhibited', 'urn:tocsin:us:noreaster', 'urn:tocsin:us:noreaster, issued at level 4, warns of the same hazard around it', 6 * HOUR, true, 'Departures below normal at Worcester', ['ORH']],
    ['silenced', 'us.silence.1.duty', 'shelved by duty: Runway works until the evening', 20 * HOUR, true, 'Departures below normal at Oakland', ['OAK', 'SJC']],
    ['capped', 'US-25', 'cap of the area and day at level 2 or above: 3 of 3 for US-25 on 2001-02-28', null, true, 'Departures below normal at Nantucket', ['ACK']],
    ['criteria', 'urn:tocsin:us:nisqually', 'within the minimum hold of 3 h', 2 * HOUR, false, 'Departures below normal at Seattle', ['SEA']],
  ].map(([stage, by, reason, until, active, headline, names], i) => ({
    id: `${stage}:${i}`, stage, by, reason, since: iso(OPEN - 3 * HOUR), last: iso(OPEN - HOUR), until: until === null ? null : iso(OPEN + until), active, alert: `us.held.${i}`, domain: 'air_transport', event: 'Airport stop', status: 'Actual', level: 2, headline, names,
  }));
  const deliveriesOf = (alert) => {
    if (alert === draft.id) return [];
    const row = (recipient, channel, state, more = {}) => ({ id: `public:${recipient}`, alert, recipient, channel, state, queued: iso(OPEN), answered: state === 'pending' ? null : iso(OPEN + 4000), confirmed: state === 'delivered' ? iso(OPEN + 9000) : null, attempts: 1, next_try: null, detail: '', key: 'a'.repeat(64), ...more });
    return [
      row('state-of-massachusetts', 'webhook', 'delivered'), row('airports-mail', 'email', 'accepted', { detail: '250 queued' }),
      row('broker', 'mqtt', 'failed', { attempts: 3, next_try: iso(OPEN + 60_000), detail: 'connection refused' }), row('siren-centre', 'webhook', 'dead', { attempts: 10, detail: 'HTTP 410: gone' }),
    ];
  };
  const REACH = (at) => [
    { recipient: 'drill-siren', channel: 'webhook', audience: 'drill', state: 'failed', words: 'the last test was not taken: HTTP 503', tests: 30, taken: 0.9, confirmed: 0.9, delay_s: 0.4, longest_s: 3, confirmed_delay_s: 2.1, last: iso(at - 3 * HOUR) },
    { recipient: 'drill-mail', channel: 'email', audience: 'drill', state: 'unknown', words: 'the channel took the last test; the receiver never confirms', tests: 30, taken: 1, confirmed: 0, delay_s: 1.8, longest_s: 8, confirmed_delay_s: null, last: iso(at - 3 * HOUR) },
    { recipient: 'drill-broker', channel: 'mqtt', audience: 'drill', state: 'unknown', words: 'the receiver confirmed the last test: too long ago to say how it is now', tests: 12, taken: 1, confirmed: 1, delay_s: 0.1, longest_s: 0.3, confirmed_delay_s: 0.8, last: iso(at - 6 * 24 * HOUR) },
    { recipient: 'drill-feed', channel: 'feed', audience: 'drill', state: 'ok', words: 'the receiver confirmed the last test', tests: 30, taken: 1, confirmed: 0.97, delay_s: 0.1, longest_s: 0.2, confirmed_delay_s: 31, last: iso(at - 2 * HOUR) },
    { recipient: 'public-feed', channel: 'feed', audience: 'public', state: 'unknown', words: 'not tested itself; tests of feed go to drill-feed', tests: 0, taken: null, confirmed: null, delay_s: null, longest_s: null, confirmed_delay_s: null, last: null },
  ];

  const streams = new Set();
  const calls = [];

  async function handle(request, response) {
    const url = new URL(request.url, 'http://fixture');
    calls.push(`${request.method} ${url.pathname}${url.search}`);
    const cookie = /sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    const account = sessions.get(cookie) ?? null;
    const json = (body, status = 200, headers = {}) => {
      const text = gzipSync(JSON.stringify(body), { level: 4 });
      response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', 'Content-Encoding': 'gzip', 'Cache-Control': 'no-cache', ...headers });
      response.end(text);
    };
    const problem = (status, title, detail) => json({ type: 'about:blank', title, status, detail }, status);
    const body = async () => {
      let text = '';
      for await (const part of request) text += part;
      return text ? JSON.parse(text) : {};
    };
    const query = url.searchParams;
    const live = !query.has('asof');
    const at = live ? now() : utc(query.get('asof'));
    const path = url.pathname;

    if (!path.startsWith('/api/v1/')) return file(path, response);
    const name = path.slice('/api/v1/'.length);
    if (name === 'health') {
      return json({ status: 'ok', now: iso(now()), version: '0.1.0', delivery: { given_up: scenario === 'quiet' ? 0 : 1, overdue: 0, unreached: 0 }, clock: { mode: 'replay', at: iso(OPEN), replay: { start: iso(START), end: iso(END), step_s: 3600 }, open_at: iso(OPEN) } });
    }
    if (name === 'regions/map') {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip', 'Cache-Control': 'public, max-age=31536000, immutable' });
      return response.end(mapBytes);
    }
    if (name === 'regions') return json({ items: { site: land.sites, county: land.counties, state: land.states, nation: land.nation }[query.get('level')] ?? [], next: null });
    if (name === 'picture/cube') return json(cube(query));
    if (name === 'picture') {
      const rows = live ? [] : assessments(at);
      const summary = { 1: 0, 2: 0, 3: 0, 4: 0 };
      for (const r of rows) summary[r.level] += 1;
      return json({ asof: iso(at), mode: live ? 'live' : 'replay', summary, assessments: rows, coverage: coverage(at, live), standing: listAt(at, live, account).filter((a) => open(a, at)).length });
    }
    if (name === 'warnings') {
      const state = query.get('state');
      const items = listAt(at, live, account).filter((a) => !state || (state === 'open' ? open(a, at) : a.state === state));
      return json({ items, next: null });
    }
    // What only staff reads.
    const DESK = /^(groups|suppressed|silences|deliveries|reach|authorities|reviews)(\/|$)/;
    if (DESK.test(name) && !account) return problem(401, 'Unauthorized', 'log in first');
    if (name === 'groups') return json({ items: groupsOf(listAt(at, live, account).filter((a) => open(a, at))), next: null });
    if (name === 'silences' && request.method === 'POST') {
      const wish = await body();
      if (request.headers['x-csrf-token'] !== 'token') return problem(403, 'Forbidden', 'the session token is missing');
      const made = { ...wish, id: `us.silence.${silences.length}.${account}`, author: account, starts: iso(now()), ends: iso(now() + wish.hours * HOUR), holding: [] };
      silences.push(made);
      return json(made, 201);
    }
    if (name === 'silences') return json({ items: silences.filter((x) => Date.parse(x.starts) <= at && Date.parse(x.ends) > at), next: null });
    const ending = /^silences\/([^/]+)\/end$/.exec(name);
    if (ending && request.method === 'POST') {
      const found = silences.find((x) => x.id === decodeURIComponent(ending[1]));
      if (!found) return problem(404, 'Not found', 'no such silence');
      found.ends = iso(now());
      return json(found);
    }
    if (name === 'suppressed') return json({ items: held.filter((h) => Date.parse(h.since) <= at && (query.get('active') === 'false' || h.active)), next: null, caps: live || scenario === 'quiet' ? [] : [{ domain: 'air_transport', area: 'US-25', title: 'Massachusetts', day: iso(at).slice(0, 10), asked: 3, withheld: 2, cap: 3 }, { domain: 'air_transport', area: 'US-36', title: 'New York', day: iso(at).slice(0, 10), asked: 1, withheld: 0, cap: 3 }] });
    if (name === 'deliveries') return json({ items: query.has('alert') ? deliveriesOf(query.get('alert')) : query.get('state') === 'dead' && scenario !== 'quiet' ? deliveriesOf('urn:tocsin:us:noreaster').filter((d) => d.state === 'dead') : [], next: null });
    if (name === 'authorities') return json({ items: [{ id: 'met', name: 'Weather service of the neighbours', country: 'CA', licence: 'OGL-CA', licence_url: '', url: '', outcome: 'stale', last_ok: iso(now() - 3 * HOUR), newest: iso(now() - 5 * HOUR), since: null, message: '', cadence_s: 300, stale_after_s: 900, in_force: 4, conflicts: 1 }], next: null });
    if (name === 'authorities/messages') return json({ items: query.get('state') === 'conflict' ? [{ id: 'm1', sender: 'met@example.org', identifier: 'CA.1', sent: iso(now() - 6 * HOUR), state: 'conflict', headline: 'Storm surge', event: 'Surge', problems: ['set.conflict: the same identity came with other content'], authority: 'met' }] : [], next: null });
    if (name === 'reviews') return json({ items: [], next: null });
    if (name === 'reach') return json({ items: REACH(now()), next: null });
    if (name === 'matrix') return json({ id: 'us-impact', version: '1', name: 'us-impact/1', likelihoods: [['very low', 0], ['low', 0.1], ['medium', 0.4], ['high', 0.7]].map(([n, least]) => ({ name: n, least, certainty: 'Possible' })), impacts: BANDS, levels: [[0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3], [1, 2, 3, 4]], rare_but_grave: [['very low', 'severe'], ['low', 'severe']], schemes: [] });
    if (name === 'corrections') {
      const wrong = alerts.find((a) => a.storm.key === 'nisqually');
      const items = scenario === 'quiet' || !wrong ? [] : [{ id: 'urn:tocsin:us:nisqually.2', chain: wrong.id, corrects: [wrong.id], msg_type: 'Update', domain: 'air_transport', level: 2, was_level: 3, headline: 'CORRECTION: departures below normal at Seattle', was_headline: wrong.storm.headline, regions: ['US-AIR-SEA'], reason: 'Departures had begun again when this was sent.', at: iso(wrong.sent + 2 * HOUR) }];
      return json({ items: items.filter((c) => Date.parse(c.at) <= at), next: null });
    }
    if (name === 'laws') {
      return json({ items: [
        { key: 'demo-aviation', law: 'Demonstration rules of the pack', article: '4 (2)', levels: [2, 3, 4], roles: ['approving_officer'], note: 'Warnings of stops in air transport.' },
        { key: 'demo-exercise', law: 'Demonstration rules of the pack', article: '9', levels: [], roles: ['approving_officer', 'duty_officer'], note: 'Exercises; nothing may leave the house.' },
      ] });
    }
    if (name === 'quantities') return json({ items: quantities(query.get('region')), next: null });
    if (name === 'series') {
      const found = series(query);
      return found ? json(found) : problem(404, 'Not found', 'no such series');
    }
    if (name === 'ledger') {
      const settled = alerts.filter((a) => a.until <= at && a.level > 1);
      return json({ items: settled.map((a) => ({ entry: 'warning', alert: a.id, verdict: a.storm.verdict })), summary: settled.length ? { budget_per_week: 1, rate_per_week: 0.87, interval: [0.52, 1.31], worst_week: { start: '2001-04-02', count: 3 } } : null, next: null });
    }
    if (name === 'feeds') {
      return json({ items: [
        { id: 'vega_flights', title: 'US flights, January to June 2001', publisher: 'US Bureau of Transportation Statistics, as packaged by vega-datasets', licence: 'Public domain', url: null, outcome: 'ok', last_ok: iso(now() - HOUR), newest: iso(END), since: iso(now()), message: '', cadence_s: 3600, stale_after_s: 10800 },
        { id: 'usgs_earthquakes', title: 'Earthquakes of the past hour', publisher: 'US Geological Survey', licence: 'Public domain', url: 'https://earthquake.usgs.gov/', outcome: 'failed', last_ok: null, newest: null, since: iso(now() - HOUR), message: 'No route to host', cadence_s: 60, stale_after_s: 600 },
        { id: 'nws_alerts', title: 'Weather alerts', publisher: 'US National Weather Service', licence: 'Public domain', url: 'https://api.weather.gov/alerts', outcome: 'never', last_ok: null, newest: null, since: null, message: 'No route to host', cadence_s: 60, stale_after_s: 600 },
      ], next: null });
    }
    if (name === 'session' && request.method === 'GET') return json(account ? { account, role: ACCOUNTS[account][1], csrf: 'token' } : { account: null });
    if (name === 'session' && request.method === 'POST') {
      const { account: who, password } = await body();
      if (!(who in ACCOUNTS) || ACCOUNTS[who][0] !== password) return problem(401, 'Unauthorized', 'wrong account or password');
      const sid = createHash('sha1').update(`${who}${sessions.size}`).digest('hex').slice(0, 12);
      sessions.set(sid, who);
      return json({ account: who, role: ACCOUNTS[who][1], csrf: 'token' }, 200, { 'Set-Cookie': `sid=${sid}; HttpOnly; SameSite=Strict; Path=/` });
    }
    if (name === 'session') {
      sessions.delete(cookie);
      return json({ account: null });
    }
    if (name === 'stream') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      response.write('retry: 2000\n\n');
      streams.add(response);
      request.on('close', () => streams.delete(response));
      return undefined;
    }
    const act = /^warnings\/([^/]+)\/(submit|approve|reject|issue|cancel)$/.exec(name);
    if (act && request.method === 'POST') {
      const given = await body();
      if (!account) return problem(401, 'Unauthorized', 'log in first');
      if (request.headers['x-csrf-token'] !== 'token') return problem(403, 'Forbidden', 'the session token is missing');
      if (request.headers['if-match'] !== exercise(account).etag) return problem(412, 'Precondition failed', 'the warning has changed');
      if (act[2] === 'approve' && account === 'duty') return problem(403, 'Forbidden', 'the officer who submitted a warning may not approve it; another officer has to.');
      if (act[2] === 'approve' && !given.legal_basis) return problem(422, 'Unprocessable', 'legal_basis is missing');
      draft.state = { submit: 'submitted', approve: 'approved', reject: 'rejected', issue: 'issued', cancel: 'cancelled' }[act[2]];
      draft.revision += 1;
      if (act[2] === 'approve') [draft.approver, draft.basis] = [account, given.legal_basis];
      draft.reason = given.reason ?? '';
      draft.history.push({ at: iso(now()), actor: account, role: ACCOUNTS[account][1], action: act[2], reason: given.reason ?? '', simulated: false });
      for (const s of streams) s.write(`event: alert\ndata: ${JSON.stringify({ id: draft.id, revision: draft.revision, state: draft.state })}\n\n`);
      return json(exercise(account));
    }
    const check = /^warnings\/([^/]+)\/translations\/([\w-]+)\/check$/.exec(name);
    if (check && request.method === 'POST') {
      if (request.headers['if-match'] !== exercise(account).etag) return problem(412, 'Precondition failed', 'the warning has changed');
      [draft.checker, draft.revision] = [account, draft.revision + 1];
      return json(exercise(account));
    }
    const one = /^warnings\/([^/]+)$/.exec(name);
    if (one) {
      const id = decodeURIComponent(one[1]);
      if (id === draft.id && !account) return problem(404, 'Not found', `no warning ${id} at this instant`);
      const found = id === draft.id ? exercise(account) : alerts.filter((a) => a.id === id && a.created <= at).map((a) => alertAt(a, at))[0];
      if (!found) return problem(404, 'Not found', `no warning ${id} at this instant`);
      const history = id === draft.id
        ? [{ at: iso(draft.created), actor: 'system', role: 'system', action: 'draft', reason: '', simulated: false }, { at: iso(draft.created + 240_000), actor: 'duty', role: 'duty_officer', action: 'submit', reason: '', simulated: false }, ...draft.history]
        : [['system', 'system', 'draft', 0], ['duty-sim', 'duty_officer', 'submit', 240_000], ['approver-sim', 'approving_officer', 'approve', 480_000], ['approver-sim', 'approving_officer', 'issue', 540_000]]
            .map(([actor, role, action, after]) => ({ at: iso(Date.parse(found.created_at) + after), actor, role, action, reason: '', simulated: actor !== 'system' })).filter((h) => Date.parse(h.at) <= at);
      return json({
        ...found, history, cap: `/cap/${encodeURIComponent(id)}.xml`,
        signature: found.sent === null ? null : { signed: found.level > 2, key: found.level > 2 ? 'desk-2001' : '', certificate: found.level > 2 ? 'ab12'.repeat(16) : '', sha256: 'cd34'.repeat(16), at: found.sent, reason: found.level > 2 || !account ? '' : 'no key ring is set: messages go out unsigned' },
        tasks: found.state === 'issued' ? [{ id: 't1', title: 'Call the airport operations desk', owner: 'duty_officer', opened_at: found.sent, due_at: iso(Date.parse(found.sent) + 30 * 60_000), state: 'open' }, { id: 't2', title: 'Tell the rail and coach operators', owner: 'duty_officer', opened_at: found.sent, due_at: iso(Date.parse(found.sent) + 6 * HOUR), state: 'open' }] : [],
        why: [
          { depth: 0, kind: 'assessment', id: 'as:41c9', text: `Level ${found.level}, air transport, ${found.members.length} regions` },
          { depth: 1, kind: 'detection', id: 'det:9f13', text: `${found.members[0].value ?? 'M 6.8'} against ${found.members[0].expected ?? 'nothing'} expected in 3 h` },
          { depth: 2, kind: 'observation', id: 'obs:SEA/2001-02-28T18', text: 'Departures each hour, known at 19:10 UTC' },
          { depth: 3, kind: 'raw', id: 'sha256:5b1f0c2277e1', text: 'flights-3m.parquet' },
        ],
      }, 200, { ETag: found.etag });
    }
    return problem(404, 'Not found', `no resource ${name}`);
  }

  const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
  function file(path, response) {
    const name = normalize(path === '/' ? '/index.html' : path);
    const full = join(staticDir, name);
    if (name.includes('..') || !existsSync(full) || !(extname(full) in TYPES)) {
      response.writeHead(404, { 'Content-Type': 'text/plain' });
      return response.end('not found');
    }
    const bytes = gzipSync(readFileSync(full));
    response.writeHead(200, {
      'Content-Encoding': 'gzip',
      'Content-Type': TYPES[extname(full)],
      'Content-Security-Policy': "default-src 'self'",
      'Cache-Control': name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    return response.end(bytes);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      response.writeHead(500);
      response.end(String(error));
    });
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    calls,
    /** Somebody else changes the waiting warning. */
    disturb() {
      draft.revision += 1;
    },
    tell(event, data) {
      for (const s of streams) s.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    async close() {
      for (const s of streams) s.end();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, fallback) => {
    const i = process.argv.indexOf(`--${name}`);
    return i < 0 ? fallback : process.argv[i + 1];
  };
  const fixture = await createFixture({ scenario: option('scenario', 'normal'), port: Number(option('port', '8751')) });
  console.log(`fixture (${option('scenario', 'normal')}) at ${fixture.url}`);
}
