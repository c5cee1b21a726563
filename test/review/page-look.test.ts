import assert from 'node:assert/strict';
import type { AuditState } from '../../src/contracts/audit.js';
import { until } from '../support/wait.js';
import { ID_SHOWN, SHOWN, withChromium } from './browsing.js';
import { state, type Pool } from './fixtures.js';

/** Least contrast of any text that is seen, and where it is (WCAG 2: 4.5 is asked for). */
const LEAST_CONTRAST = `(() => {
  const rgb = (css) => (css.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => e === null ? [255, 255, 255] : over(rgb(getComputedStyle(e).backgroundColor), behind(e.parentElement));
  let least = { ratio: 21, what: '' };
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '');
    if (!own || !e.checkVisibility() || e.matches(':disabled, :disabled *, .unseen, .skip, noscript *')) continue;
    const style = getComputedStyle(e);
    const ground = behind(e);
    const [r, g, b] = rgb(style.color);
    const [a, z] = [light(over([r, g, b, Number(style.opacity)], ground)), light(ground)];
    const ratio = (Math.max(a, z) + 0.05) / (Math.min(a, z) + 0.05);
    if (ratio < least.ratio) least = { ratio, what: e.tagName + ' ' + e.textContent.trim().slice(0, 40) };
  }
  return least;
})()`;

/** Whether all that is there to press has a name, and is on the screen. */
const UNNAMED = `[...document.querySelectorAll('button, input, [role=option]')]
  .filter((e) => e.checkVisibility() && !(e.ariaLabel || e.innerText?.trim() || e.labels?.length))
  .map((e) => e.outerHTML)`;
const OUTSIDE = `[...document.querySelectorAll('main button, header button')]
  .filter((e) => e.checkVisibility() && !e.closest('#tiles, #classes'))
  .filter((e) => { const b = e.getBoundingClientRect(); return b.left < 0 || b.right > innerWidth + 1 || b.bottom > innerHeight + 1; })
  .map((e) => e.outerHTML)`;

withChromium("the look of the people's page", ({ serve, visit, opened }) => {
  const words: [string, Pool, string, RegExp][] = [
    [
      'that hidden labels answer in a dry run',
      { audit: { settings: { ...state().settings, answers: 'truth:0.02' } } },
      '#dry-run',
      /Dry run: hidden labels answer/,
    ],
    [
      'what the audit waits for',
      { images: 0, audit: { phase: 'nonce', words: 'The audit waits for a nonce.' } },
      '#nothing',
      /Nothing is left to answer now\s+The audit waits for a nonce/,
    ],
    [
      'that the audit has ended, and how',
      { images: 0, audit: { phase: 'done', words: 'At most 190 of 9,500 labels are wrong.' } },
      '#nothing',
      /The audit has ended\s+At most 190/,
    ],
    ['that nobody is asked', { images: 0, audit: null, questions: null }, '#nothing', /Nobody is asked anything/],
  ];
  for (const [what, pool, where, expected] of words)
    it(`says ${what}`, async () => {
      const { server } = await serve(pool);
      const page = await visit(server);
      const shown = `document.querySelector('${where}')`;
      await page.until(`${shown}.checkVisibility() && ${expected.toString()}.test(${shown}.innerText)`);
    });

  it('shows the guess only where it is wanted', async () => {
    const { page } = await opened({ audit: null }, { by: 'anna', showGuess: true });
    assert.equal(await page.text('#guess'), 'The model says: cowrie, 40 %');
    await page.press('2');
    await page.until("document.querySelector('#guess').innerText === 'The model says: whelk, 50 %'");
    await page.click('#grid-toggle');
    await page.until("document.querySelectorAll('.tile').length > 3");
    assert.equal(await page.text('.tile:nth-child(2) span'), 'limpet? 60 %');
    assert.equal(
      await page.evaluate("document.querySelector('.tile:nth-child(2)').getAttribute('aria-label')"),
      'Image 2: no answer yet; the model says limpet? 60 %',
    );
    await page.press('2');
    assert.equal(await page.text('.tile:nth-child(1) span'), 'whelk');
    const blind = await opened({ audit: null });
    assert.equal(await blind.page.evaluate("document.querySelector('#guess').checkVisibility()"), false);
  });

  it('says in the page why it may not be used', async () => {
    const { server } = await serve({}, { userHeader: 'X-Forwarded-User' });
    const page = await visit(server);
    await page.until("document.body.innerText.includes('The proxy before this page sent no x-forwarded-user')");
    page.complaints.length = 0; // Chromium logs the refusal itself.
  });

  const views = [
    { width: 1280, height: 800, dark: false },
    { width: 1280, height: 800, dark: true },
    { width: 390, height: 800, dark: false },
    { width: 390, height: 800, dark: true },
  ];
  const audit: Partial<AuditState> = { settings: { ...state().settings, answers: 'truth' } };
  for (const view of views)
    it(`can be read, reached and pressed at ${view.width} pixels, ${view.dark ? 'dark' : 'light'}`, async () => {
      for (const classes of [undefined, Array.from({ length: 500 }, (_, i) => `class ${i}`)]) {
        const { server } = await serve({ audit, ...(classes ? { classes } : {}) });
        const page = await visit(server, view);
        await page.until(SHOWN);
        const look = async (what: string) => {
          const { ratio, what: where } = await page.evaluate<{ ratio: number; what: string }>(LEAST_CONTRAST);
          assert.ok(ratio >= 4.5, `${what}: contrast ${ratio.toFixed(2)} of ${where}`);
          assert.deepEqual(await page.evaluate(UNNAMED), [], what);
          assert.deepEqual(await page.evaluate(OUTSIDE), [], what);
          assert.ok(
            await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
            `${what} scrolls sideways`,
          );
        };
        await look('one image');
        await page.click('#grid-toggle');
        await page.until("document.querySelectorAll('.tile').length === 24");
        await page.click('#classes > *');
        await page.click('.tile');
        await page.until("document.querySelectorAll('.tile.answered').length === 1");
        await look('grid');
        await page.click('#help-open');
        await look('help');
      }
    });

  it('is left by Tab in the order of the screen, and answers no key where single keys are off', async () => {
    const { source, page } = await opened(
      { classes: ['cowrie', 'whelk'] },
      {
        by: 'anna',
      },
    );
    const order: string[] = [];
    for (let i = 0; i < 9; i++) {
      await page.press('Tab');
      order.push(
        await page.evaluate(
          "document.activeElement.id || document.activeElement.innerText.split('\\n').pop() || document.activeElement.className",
        ),
      );
    }
    assert.deepEqual(
      order,
      ['To the classes', 'grid-toggle', 'help-open', 'cowrie', 'whelk', 'unsure', 'none', 'zoom-open', 'BODY'].map(
        (name, i) => (name === 'BODY' ? (order[i] ?? '') : name),
      ),
    );
    await page.press('?');
    await page.until("document.querySelector('#help-dialog').open");
    await page.press('1');
    await page.click('#shortcuts');
    await page.click('#help-close');
    await page.press('1');
    await page.press(',');
    assert.equal(await page.evaluate(ID_SHOWN), '0'.repeat(32));
    await page.click('#classes button');
    await page.press('Enter', { ctrl: true });
    await until('the click is sent', () => source.given.length === 1);
  });
});
