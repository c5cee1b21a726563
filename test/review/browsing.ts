import assert from 'node:assert/strict';
import { serveReview, type ReviewOptions, type ReviewServer } from '../../src/review/index.js';
import { Chromium, findChromium, type Page, type View } from '../support/chromium.js';
import { MemorySource, type Pool } from './fixtures.js';

const DESKTOP: View = { width: 1280, height: 800 };

/** In the page: whether an image is shown, and which. */
export const SHOWN = "document.querySelector('#frame img')?.naturalWidth > 0";
export const ID_SHOWN = "document.querySelector('#frame img')?.dataset.id";

export interface Browsing {
  serve(pool?: Pool, options?: ReviewOptions): Promise<{ source: MemorySource; server: ReviewServer }>;
  visit(server: Pick<ReviewServer, 'url'>, view?: View): Promise<Page>;
  /** A page with its first image. */
  opened(pool?: Pool, options?: ReviewOptions): Promise<{ source: MemorySource; server: ReviewServer; page: Page }>;
}

/** A suite with a browser; skipped, with a word, where this machine has none. A test fails if the browser complains. */
export function withChromium(title: string, tests: (browsing: Browsing) => void): void {
  describe(title, function () {
    this.timeout(60_000);
    const program = findChromium();
    let browser: Chromium;
    const open: ReviewServer[] = [];
    let pages: Page[] = [];

    before(async function () {
      if (program === null) {
        console.log('      no Chromium on PATH and none in LABELLOOP_TEST_CHROMIUM: the page is not tested');
        return this.skip();
      }
      browser = await Chromium.start(program);
    });
    after(() => (program === null ? undefined : browser.stop()));
    afterEach(async () => {
      const complaints = pages.flatMap((page) => page.complaints);
      pages = [];
      await Promise.all(open.splice(0).map((server) => server.close()));
      assert.deepEqual(complaints, [], 'the browser complained');
    });

    const browsing: Browsing = {
      async serve(pool = {}, options = { by: 'anna' }) {
        const source = new MemorySource(pool);
        const server = await serveReview(source, { port: 0, ...options });
        open.push(server);
        return { source, server };
      },
      async visit({ url }, view = DESKTOP) {
        const page = await browser.page(url, view);
        pages.push(page);
        return page;
      },
      async opened(pool, options) {
        const { source, server } = await browsing.serve(pool, options);
        const page = await browsing.visit(server);
        await page.until(SHOWN);
        return { source, server, page };
      },
    };
    tests(browsing);
  });
}
