/** Deep links: what a colleague needs to see the same picture, kept in the fragment of the address. */

export interface Link {
  /** Milliseconds, `'live'`, or null for where the server opens. */
  t: number | 'live' | null;
  region: string | null;
  warning: string | null;
  domain: string | null;
  lang: string | null;
}

/** An instant as the API writes it: ISO 8601 with Z, without needless zeros. */
export function isoOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** Read a fragment; what cannot be understood is left out rather than guessed. */
export function parseLink(hash: string): Link {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const text = query.get('t');
  let t: Link['t'] = null;
  if (text === 'live') t = 'live';
  else if (text !== null && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text)) {
    const ms = Date.parse(text);
    t = Number.isFinite(ms) ? ms : null;
  }
  return {
    t,
    region: query.get('r') || null,
    warning: query.get('w') || null,
    domain: query.get('d') || null,
    lang: query.get('lang') || null,
  };
}

/** Write a fragment that `parseLink` reads back. */
export function formatLink(link: Link): string {
  const parts: string[] = [];
  // Colons are legal in a fragment; leaving them makes the link readable.
  const encode = (s: string) => encodeURIComponent(s).replace(/%3A/g, ':');
  if (link.t !== null) parts.push(`t=${link.t === 'live' ? 'live' : isoOf(link.t)}`);
  if (link.region) parts.push(`r=${encode(link.region)}`);
  if (link.warning) parts.push(`w=${encode(link.warning)}`);
  if (link.domain) parts.push(`d=${encode(link.domain)}`);
  if (link.lang) parts.push(`lang=${encode(link.lang)}`);
  return parts.length ? `#${parts.join('&')}` : '';
}
