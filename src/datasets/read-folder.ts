import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { byCodeUnit, normalizeLabel, splitOf, UNLABELLED, type Entry, type Source } from './source.js';

const IMAGES = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif']);

/**
 * Reads a folder of images: `[train/|validation/|test/]<class>/…/<file>`. Images in a folder `unlabelled`, `unlabeled` or
 * `pool`, and images outside of class folders, are unlabelled. Hidden files are left out; other files that are no images,
 * and class folders without an image, are noted.
 */
export function folderSource(root: string): Source {
  return { kind: 'folder', read: () => readSplits(root) };
}

async function* readSplits(root: string): AsyncGenerator<Entry> {
  for (const entry of await list(root, [])) {
    const split = entry.folder ? splitOf(entry.name) : null;
    if (split === null) yield* readEntry(root, entry, 'train');
    else for (const inner of await list(root, entry.parts)) yield* readEntry(root, inner, split);
  }
}

async function* readEntry(root: string, entry: Listed, split: 'train' | 'test'): AsyncGenerator<Entry> {
  if (!entry.folder) {
    yield entryOf(root, entry.parts, null, split);
    return;
  }
  const label = UNLABELLED.has(entry.name.toLowerCase()) ? null : normalizeLabel(entry.name);
  let images = 0;
  for await (const parts of walk(root, entry.parts)) {
    const found = entryOf(root, parts, label, split);
    if (found.type === 'image') images++;
    yield found;
  }
  if (images === 0 && label !== null) yield { type: 'note', text: `no image in class folder ${entry.parts.join('/')}` };
}

function entryOf(root: string, parts: string[], label: string | null, split: 'train' | 'test'): Entry {
  const name = parts.join('/');
  const path = join(root, ...parts);
  if (!IMAGES.has(extname(path).toLowerCase())) return { type: 'note', text: `no image by its name: ${name}` };
  return { type: 'image', name, file: path, content: { path }, label, split };
}

async function* walk(root: string, parts: string[], above: readonly string[] = []): AsyncGenerator<string[]> {
  // A link to a folder above would never end.
  const real = await realpath(join(root, ...parts));
  if (above.includes(real)) return;
  for (const entry of await list(root, parts))
    if (entry.folder) yield* walk(root, entry.parts, [...above, real]);
    else yield entry.parts;
}

interface Listed {
  name: string;
  parts: string[];
  folder: boolean;
}

async function list(root: string, parts: string[]): Promise<Listed[]> {
  const entries = await readdir(join(root, ...parts), { withFileTypes: true });
  const listed = [];
  for (const entry of entries.sort((a, b) => byCodeUnit(a.name, b.name))) {
    if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
    const inner = [...parts, entry.name];
    // A link that leads nowhere is listed as a file: reading it says that the image is missing.
    const linked = entry.isSymbolicLink() ? await stat(join(root, ...inner)).catch(() => null) : entry;
    listed.push({ name: entry.name, parts: inner, folder: linked?.isDirectory() === true });
  }
  return listed;
}
