import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { until } from './wait.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** A Chromium of this machine: LABELLOOP_TEST_CHROMIUM, else what PATH has; null where there is none. */
export function findChromium(): string | null {
  const named = process.env['LABELLOOP_TEST_CHROMIUM'];
  if (named) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file)) ?? null;
}

interface Message {
  id?: number;
  method?: string;
  sessionId?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

export interface View {
  width: number;
  height: number;
  dark?: boolean;
}

type Listener = (message: Message) => void;

/** A browser without a window, driven by the DevTools protocol over a pipe. */
export class Chromium {
  private next = 1;
  private readonly waiting = new Map<number, { done: (result: Record<string, unknown>) => void; fail: Listener }>();
  readonly listeners = new Set<Listener>();

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop() ?? '';
      for (const part of parts) this.receive(JSON.parse(part) as Message);
    });
  }

  static async start(program: string): Promise<Chromium> {
    const folder = await mkdtemp(join(tmpdir(), 'labelloop-chromium-'));
    const options = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${folder}`, '--disable-gpu'];
    // Containers run as root, where the sandbox can't be; the pages are this project's own.
    const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const quiet = ['--no-first-run', '--disable-dev-shm-usage', '--disable-background-networking', '--mute-audio'];
    const child = spawn(program, [...options, ...root, ...quiet], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    return new Chromium(child, folder);
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.next++;
    const text = JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) });
    return new Promise((done, reject) => {
      this.waiting.set(id, { done, fail: ({ error }) => reject(new Error(`${method}: ${error?.message}`)) });
      (this.child.stdio[3] as Writable).write(`${text}\0`);
    });
  }

  /** A page in a profile of its own: no other page's cookies or storage. */
  async page(address: string, view: View): Promise<Page> {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    await page.open(address, view);
    return page;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill();
    await ended;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private receive(message: Message): void {
    const waiting = message.id === undefined ? undefined : this.waiting.get(message.id);
    if (waiting && message.id !== undefined) {
      this.waiting.delete(message.id);
      if (message.error) waiting.fail(message);
      else waiting.done(message.result ?? {});
    } else for (const listener of this.listeners) listener(message);
  }
}

/** Keys that have no character. */
const CODES: Record<string, number> = {
  Enter: 13,
  Escape: 27,
  Backspace: 8,
  Tab: 9,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
};

export class Page {
  /** Everything that the page complained about: errors, refused loads. */
  readonly complaints: string[] = [];

  constructor(
    private readonly browser: Chromium,
    private readonly session: string,
  ) {
    browser.listeners.add(({ sessionId, method, params }) => {
      if (sessionId !== session) return;
      if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
        this.complaints.push(JSON.stringify(params));
    });
  }

  private send(method: string, params: object = {}) {
    return this.browser.send(method, params, this.session);
  }

  async open(address: string, view: View): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.send(`${domain}.enable`);
    await this.view(view);
    await this.send('Page.navigate', { url: address });
  }

  async view({ width, height, dark = false }: View): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    const features = [
      { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' },
      // A colour half-way to another is none to judge.
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ];
    await this.send('Emulation.setEmulatedMedia', { features });
  }

  async offline(offline: boolean): Promise<void> {
    const rates = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await this.send('Network.emulateNetworkConditions', { offline, ...rates });
  }

  async reload(): Promise<void> {
    await this.evaluate('window.before = true');
    await this.send('Page.reload');
    await this.until("!window.before && document.readyState === 'complete'");
  }

  /** Value of an expression in the page; a promise is waited for. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression: string, seconds = 25): Promise<void> {
    // While the page navigates there is nothing to ask.
    await until(expression, () => this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false), seconds, 20);
  }

  /** Visible text of the first element that fits. */
  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  }

  async press(key: string, modifiers: { ctrl?: boolean; shift?: boolean } = {}): Promise<void> {
    const text = key.length === 1 && !modifiers.ctrl ? { text: key } : key === 'Enter' ? { text: '\r' } : {};
    const code = /^\d$/.test(key) ? `Digit${key}` : /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key;
    const windowsVirtualKeyCode = CODES[key] ?? key.toUpperCase().charCodeAt(0);
    const flags = (modifiers.ctrl ? 2 : 0) + (modifiers.shift ? 8 : 0);
    const event = { key, code, windowsVirtualKeyCode, modifiers: flags };
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...text });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  async type(text: string): Promise<void> {
    for (const key of text) await this.press(key);
  }

  /** Clicks the middle of the first element that fits, with a mouse. */
  async click(selector: string): Promise<void> {
    const at = await this.evaluate<{ x: number; y: number }>(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'nearest' });
        const { left, top, width, height } = e.getBoundingClientRect(); return { x: left + width / 2, y: top + height / 2 }; })()`,
    );
    const event = { ...at, button: 'left', clickCount: 1 };
    await this.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...event });
    await this.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...event });
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(String(data), 'base64');
  }
}
