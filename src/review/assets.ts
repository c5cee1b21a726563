import { readdir, readFile } from 'node:fs/promises';
import { PAGE } from './markup.js';
import { page, type Reply } from './reply.js';
import { STYLE } from './style.js';

/** The page's modules as tsc compiled them, beside this file. */
const MODULES = new URL('./page/', import.meta.url);

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2a6fb0"/><path d="M9 8v16h14" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"/></svg>`;

/** Everything of the page that does not depend on a run, by path; read once. */
export async function readAssets(): Promise<ReadonlyMap<string, Reply>> {
  const assets = new Map<string, Reply>([
    ['/', page(PAGE)],
    ['/style.css', file('text/css', STYLE)],
    ['/icon.svg', file('image/svg+xml', ICON)],
  ]);
  for (const name of await readdir(MODULES)) {
    if (!name.endsWith('.js')) continue;
    const code = await readFile(new URL(name, MODULES), 'utf8');
    assets.set(`/page/${name}`, file('text/javascript', code.replace(/^\/\/# sourceMappingURL=.*$/m, '')));
  }
  return assets;
}

/** Asked for again at each load: another release may be served from the same address. */
const file = (type: string, body: string): Reply => ({
  status: 200,
  headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache' },
  body,
});
