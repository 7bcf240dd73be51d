import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const here = new URL('.', import.meta.url).pathname;

export default defineConfig(({ mode }) => ({
  root: here,
  cacheDir: `${here}../node_modules/.vite`,
  plugins: [svelte({ compilerOptions: { runes: true } })],
  // Component tests need the browser build of Svelte, not the one for servers.
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  build: {
    outDir: `${here}../src/tocsin/static`,
    emptyOutDir: true,
    // The content security policy allows nothing inline: no data: addresses, no inline polyfill.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: true,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8751', '/cap': 'http://127.0.0.1:8751' } },
  test: {
    environment: 'happy-dom',
    include: ['tests/**/*.test.ts'],
    // Two cores are shared with everything else that builds.
    maxWorkers: 2,
    sequence: { shuffle: true },
  },
}));
