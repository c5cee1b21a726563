import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A Markdown page of the project, taken apart as far as the checks need. */
export interface Page {
  /** Path from the root. */
  readonly file: string;
  readonly text: string;
  /** Lines of indented blocks and of fenced ones in a shell's language. */
  readonly shellLines: readonly string[];
  /** Inline code, without its back-quotes. */
  readonly inlineCode: readonly string[];
  /** Targets of links and images that are neither addresses nor places within the page. */
  readonly links: readonly string[];
}

/** The README, the other pages of the root and docs/. */
export function pages(): Page[] {
  const inRoot = fs.readdirSync(root);
  const inDocs = fs.readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`);
  return [...inRoot, ...inDocs].filter((file) => file.endsWith('.md')).map(page);
}

export function page(file: string): Page {
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  const { shellLines, prose } = split(text);
  const inlineCode = [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => (code as string).replaceAll(/\s+/g, ' '));
  const targets = [
    ...prose.matchAll(/\]\(\s*<?([^)\s>]+)/g),
    ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
    ...prose.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g),
  ].map(([, target]) => target as string);
  const links = targets.filter((target) => !/^([a-z]+:|#)/i.test(target));
  return { file, text, shellLines, inlineCode, links };
}

/** Below a heading, up to the next of the same or a higher level. */
export function section({ file, text }: Page, heading: string): string {
  const [, level, rest] = new RegExp(`^(#+) ${heading}.*\\n([^]*)`, 'm').exec(text) ?? [];
  if (level === undefined || rest === undefined) throw new Error(`${file} has no heading '${heading}'`);
  return rest.split(new RegExp(`^#{1,${level.length}} `, 'm'))[0] as string;
}

const SHELLS = ['', 'sh', 'bash', 'shell', 'console'];

function split(text: string): { shellLines: string[]; prose: string } {
  const shellLines: string[] = [];
  const prose: string[] = [];
  let fence: string | null = null;
  let before = '';
  for (const line of text.split('\n')) {
    const language = /^\s*```(\S*)/.exec(line)?.[1];
    if (language !== undefined) fence = fence === null ? language : null;
    else if (fence !== null) {
      if (SHELLS.includes(fence)) shellLines.push(line.trim());
    } else if (/^ {4}/.test(line) && (before.trim() === '' || /^ {4}/.test(before))) shellLines.push(line.trim());
    else prose.push(line);
    before = line;
  }
  return { shellLines, prose: prose.join('\n') };
}
