/** Shapes of the API, `/api/v1`; times are ISO 8601 in UTC. */

export interface Replay {
  start: string;
  end: string;
  step_s: number;
}

export interface Health {
  status: 'ok' | 'degraded';
  now: string;
  version: string;
  clock: { mode: 'live' | 'replay'; at: string; replay: Replay | null; open_at: string | null };
  /** Names of the pack's level scheme; the page has its own words when the server gives none. */
  levels?: { rank: number; name: string }[];
}

export type RegionLevel = 'site' | 'county' | 'state' | 'nation';

export interface Region {
  id: string;
  name: string;
  title: string;
  code: string;
  level: RegionLevel;
  parent: string | null;
  lat: number;
  lon: number;
  x: number | null;
  y: number | null;
  mapped: boolean;
  population: number | null;
  population_note: string | null;
  timezone: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface CubeBody {
  start: string;
  step_s: number;
  steps: number;
  regions: string[];
  domains: string[];
  levels: string;
}

export interface Contributor {
  kind: string;
  ref: string;
  region: string;
  text: string;
  weight: number;
}

export interface Assessment {
  region: string;
  title: string;
  domain: string;
  level: number;
  likelihood: number | null;
  impact: number;
  since: string;
  contributors: Contributor[];
  compound_with: string[];
}

export type FeedOutcome = 'ok' | 'failed' | 'never' | 'stale';

export interface Coverage {
  domain: string;
  title: string;
  state: FeedOutcome;
  newest: string | null;
  last_ok: string | null;
  since: string | null;
  age_s: number | null;
  message: string;
  series_total: number;
  series_unknown: number;
}

export interface Picture {
  asof: string;
  mode: 'live' | 'replay';
  summary: Record<string, number>;
  assessments: Assessment[];
  coverage: Coverage[];
  standing: number;
}

export type AlertState =
  | 'draft'
  | 'submitted'
  | 'approved'
  | 'issued'
  | 'updated'
  | 'cancelled'
  | 'rejected'
  | 'expired';

export type Action = 'submit' | 'approve' | 'reject' | 'issue' | 'cancel';

export interface Member {
  region: string;
  name: string;
  since: string;
  tail: number | null;
  value: number | null;
  expected: number | null;
  window_h: number;
}

export interface Alert {
  id: string;
  chain: string;
  revision: number;
  state: AlertState;
  domain: string;
  status: string;
  msg_type: string;
  event: string;
  level: number;
  likelihood: number | null;
  impact: number;
  headline: string;
  description: string;
  instruction: string;
  members: Member[];
  onset: string;
  expires: string;
  created_at: string;
  sent: string | null;
  references: string[];
  author: string;
  submitter: string | null;
  approver: string | null;
  legal_basis: string | null;
  reason: string;
  inputs: string[];
  etag: string;
  actions: string[];
  title_regions: string[];
  verdict: { verdict: string; lead_s: number | null } | null;
  waiting_s: number | null;
  rejected_until?: string | null;
}

export interface HistoryEntry {
  at: string;
  actor: string;
  role: string;
  action: string;
  reason: string;
  simulated: boolean;
}

export interface WhyStep {
  depth: number;
  kind: string;
  id: string;
  text: string;
}

export interface AlertDetail extends Alert {
  history: HistoryEntry[];
  cap: string;
  tasks: { id: string; title: string; owner: string; opened_at: string; due_at: string; state: string }[];
  why: WhyStep[];
}

export interface Law {
  key: string;
  law: string;
  article: string;
  levels: number[];
  roles: string[];
  note: string;
}

export interface Quantity {
  id: string;
  title: string;
  unit: string;
  kind: string;
  bad: string;
  step_s: number;
  domain?: string;
  source?: string | { id: string; title: string };
}

export interface Series {
  quantity: Quantity;
  region: string;
  asof: string;
  source: { id: string; title: string; licence: string };
  points: {
    time: string[];
    value: (number | null)[];
    expected: (number | null)[];
    lower: (number | null)[];
    upper: (number | null)[];
    tail: (number | null)[];
    known_at: (string | null)[];
  };
  missing: { time: string; reason: string }[];
}

export interface LedgerSummary {
  budget_per_week: number | null;
  rate_per_week: number | null;
  interval: [number | null, number | null] | null;
  worst_week: { start: string; count: number } | null;
}

export interface Ledger {
  items: { entry: string; verdict?: string }[];
  summary: LedgerSummary | null;
}

export interface Feed {
  id: string;
  title: string;
  publisher: string;
  licence: string;
  url: string | null;
  outcome: FeedOutcome;
  last_ok: string | null;
  newest: string | null;
  since: string | null;
  message: string;
  cadence_s: number;
  stale_after_s: number;
}

export interface Session {
  account: string | null;
  role?: string;
  csrf?: string;
}
