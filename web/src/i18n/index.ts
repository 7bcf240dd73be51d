/** Every word of the page goes through `t`; a catalogue is one JSON file. */

import en from './en.json';

export type Params = Record<string, string | number>;
export type Catalogue = Record<string, string>;
export type Key = keyof typeof en;

const SOURCE: Catalogue = en;

let catalogue: Catalogue = en;
let language = 'en';

/** Fill `{name}` and `{n, plural, one {…} other {…}}` in a text. */
export function fill(text: string, params: Params, lang = 'en'): string {
  const plural = text.replace(
    /\{(\w+), plural, one \{([^{}]*)\} other \{([^{}]*)\}\}/g,
    (_, name: string, one: string, other: string) => {
      const n = Number(params[name]);
      return (new Intl.PluralRules(lang).select(n) === 'one' ? one : other).replace(/#/g, String(params[name]));
    },
  );
  return plural.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? `{${name}}`));
}

/** Accents on every letter and two fifths more length, so that what does not go through `t` stands out. */
export function pseudo(text: string): string {
  const accents: Record<string, string> = {
    a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', y: 'ý', c: 'ç', n: 'ñ', s: 'š', z: 'ž',
    A: 'Á', E: 'É', I: 'Í', O: 'Ó', U: 'Ú', C: 'Ç', N: 'Ñ', S: 'Š', Z: 'Ž',
  };
  let depth = 0;
  let letters = 0;
  let out = '';
  // What stands inside braces is for `fill`; only the texts of a plural are words again.
  for (const part of text.split(/([{}])/)) {
    if (part === '{') depth += 1;
    else if (part === '}') depth -= 1;
    const words = depth === 0 || depth === 2;
    if (words && part !== '{' && part !== '}') {
      letters += part.length;
      out += part.replace(/[A-Za-z]/g, (c) => accents[c] ?? c);
    } else out += part;
  }
  return `[${out}${'·'.repeat(Math.ceil(letters * 0.4))}]`;
}

/** Choose the language of the page; one that there is no catalogue for falls back to English. */
export function setLanguage(lang: string | null): string {
  language = lang === 'pseudo' ? 'pseudo' : 'en';
  catalogue =
    language === 'pseudo' ? Object.fromEntries(Object.entries(SOURCE).map(([k, v]) => [k, pseudo(v)])) : en;
  return language;
}

/** Whether there are words for a key, for keys that are put together from data. */
export function has(key: string): boolean {
  return key in catalogue;
}

/** The text of a key; a missing one shows its name, so that it is seen. */
export function t(key: Key | (string & {}), params: Params = {}): string {
  const text = catalogue[key];
  return text === undefined ? key : fill(text, params, language === 'pseudo' ? 'en' : language);
}

/** The name of a language with its tag: `Spanish, United States (es-US)`. */
export function languageName(tag: string): string {
  try {
    const name = new Intl.DisplayNames(['en'], { type: 'language', languageDisplay: 'standard' }).of(tag);
    return name && name !== tag ? `${name} [${tag}]` : tag;
  } catch {
    // A tag that this browser does not understand still says which language it is.
    return tag;
  }
}
