import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { setLanguage } from './i18n';
import { Desk } from './state/desk.svelte';
import { parseLink } from './state/link';

const link = parseLink(location.hash);
document.documentElement.lang = setLanguage(link.lang) === 'pseudo' ? 'en-XA' : 'en';

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

const desk = new Desk();
const wanted = stored('tocsin.theme');
const dark = wanted ? wanted === 'dark' : window.matchMedia('(prefers-color-scheme: dark)').matches;
desk.theme = dark ? 'dark' : 'light';
desk.keysOn = stored('tocsin.keys') !== 'off';

mount(App, { target: document.getElementById('app')!, props: { desk } });
// What goes wrong here is already told in the page's banner.
desk.start(link).catch(() => undefined);
