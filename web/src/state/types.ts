/** Shapes of the API, `/api/v1`; times are ISO 8601 in UTC. */

export interface Replay {
  start: string;
  end: string;
  step_s: number;
}

export interface Health {
  status: 'ok' | 'degraded' | 'unknown';
  missing?: string[];
  now: string;
  version: string;
  clock: { mode: 'live' | 'replay'; at: string; replay: Replay | null; open_at: string | null };
  /** Messages of real warnings: not taken, carried by nobody, tried again. */
  delivery?: { given_up: number; overdue: number; unreached: number };
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
  language: string;
  scope: string;
  category: string;
  /** Words for likelihood and impact; null where nobody has measured the likelihood. */
  likelihood_band?: string | null;
  impact_band?: string;
  /** What the level was read from: the matrix, a rule, or officers. */
  level_from?: string;
  /** Unlikely, and grave if it comes. */
  rare_but_grave?: boolean;
  /** The level in the words of others. */
  schemes?: Record<string, string>;
  matrix?: string;
  translations?: Translation[];
  correction?: boolean;
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
  /** What is known of the bytes that were sent; null where none were sealed. */
  signature?: { signed: boolean; key: string; certificate: string; sha256: string; at: string; reason: string } | null;
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

/** Likelihood down, impact across; 0 is no warning. */
export interface Matrix {
  id: string;
  version: string;
  /** `id/version`, as warnings name it. */
  name: string;
  likelihoods: { name: string; least: number }[];
  impacts: string[];
  levels: number[][];
}

/** An approval that one officer gave alone; another has to look at it afterwards. */
export interface Review {
  id: string;
  alert: string;
  due: string;
  overdue: boolean;
}

/** The desk is called: a warning has waited too long, or a review is overdue. */
export interface Call {
  id: string;
  at: string;
  text: string;
}

/** Another authority whose warnings are read. */
export interface Authority {
  id: string;
  name: string;
  country: string;
  licence: string;
  outcome: FeedOutcome;
  last_ok: string | null;
  newest: string | null;
  message: string;
  in_force: number;
  conflicts: number;
}

/** A message of another authority, and how it stands. */
export interface Message {
  id: string;
  sender: string;
  identifier: string;
  sent: string | null;
  state: string;
  headline: string | null;
  event: string | null;
  problems: string[];
  authority: string;
}

/** What went out and was wrong, and the message that says so. */
export interface Correction {
  id: string;
  chain: string;
  corrects: string[];
  msg_type: string;
  domain: string;
  level: number;
  was_level: number;
  headline: string;
  was_headline: string;
  regions: string[];
  reason: string;
  at: string;
}

/** Warnings that the desk looks at together; `by` says what joins them. */
export interface Group {
  key: string;
  by: 'area' | 'state' | 'hazard' | 'category' | 'rest';
  status: string;
  hazards: string[];
  level: number;
  count: number;
  waiting: number;
  places: number;
  titles: string[];
  onset: string;
  expires: string;
  members: string[];
}

/** What the desk was not asked about, and why. */
export interface Held {
  id: string;
  stage: string;
  /** A warning, a silence, an area or a domain. */
  by: string | null;
  reason: string;
  since: string;
  last: string;
  until: string | null;
  active: boolean;
  alert: string;
  domain?: string;
  event: string | null;
  status: string | null;
  level?: number;
  headline?: string;
  names?: string[];
}

/** How full the cap of an area and day is. */
export interface Cap {
  domain: string;
  area: string;
  title: string;
  day: string;
  asked: number;
  withheld: number;
  cap: number;
}

export interface Silence {
  id: string;
  reason: string;
  author: string;
  starts: string;
  ends: string;
  domains: string[];
  hazards: string[];
  regions: string[];
  max_level: number;
  holding: string[];
}

export type DeliveryState = 'pending' | 'failed' | 'accepted' | 'delivered' | 'dead';

/** What became of one message to one recipient: only `delivered` is the word of the receiver. */
export interface Delivery {
  id: string;
  alert: string;
  recipient: string;
  channel: string;
  state: DeliveryState;
  queued: string;
  answered: string | null;
  confirmed: string | null;
  attempts: number;
  next_try: string | null;
  detail: string;
}

/** What the tests of one recipient gave; shares and delays are null where no test is over. */
export interface Reach {
  recipient: string;
  channel: string;
  audience: string;
  state: 'ok' | 'failed' | 'silent' | 'unknown';
  words: string;
  tests: number;
  taken: number | null;
  confirmed: number | null;
  delay_s: number | null;
  longest_s: number | null;
  confirmed_delay_s: number | null;
  last: string | null;
}

export interface Translation {
  language: string;
  headline: string;
  description: string;
  instruction: string;
  event: string;
  author: string;
  written_at: string;
  checked_by: string | null;
  checked_at: string | null;
}
