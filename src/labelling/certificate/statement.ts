import type { Certificate } from '../../contracts/audit.js';

/** Thousands with commas, whatever the locale: 10000 as "10,000". */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** A share in per cent, without the noise of doubles: 0.95 as "95", 0.999 as "99.9". */
export const percent = (share: number): string => String(Number((100 * share).toPrecision(10)));

/**
 * Which labels, after their number. Quoted as JSON, so that the name of a class can't end the quotation and go on as a claim.
 */
export const ofClass = (audited: { class?: string | undefined }): string =>
  audited.class === undefined ? '' : ` of class ${JSON.stringify(audited.class)}`;

/**
 * The claim in words. The confidence is that of all certificates of the run together: it holds for whoever is shown the one
 * audit that passed. infra/verify.mjs demands these words, so a change of them is a change of the format.
 */
export function statementOf(said: Pick<Certificate, 'claim' | 'totalAlpha' | 'panel' | 'class'>): string {
  const { claim, totalAlpha, panel } = said;
  const judge = panel.answersFrom === 'people' ? 'the panel would say' : 'the hidden labels say';
  const dry = panel.answersFrom === 'people' ? '' : ' A dry run: hidden labels answered for people.';
  return (
    `At most ${grouped(claim.most)} of these ${grouped(claim.size)} machine labels${ofClass(said)} differ from what ${judge}, ` +
    `with ${percent(1 - totalAlpha)} % confidence. No assumption on data or model.${dry}`
  );
}
